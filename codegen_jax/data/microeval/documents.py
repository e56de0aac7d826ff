"""The family as a corpus: small modules of functions, made when they are first asked for.

train        modules of functions of training compositions
validation   modules of functions of held-out ones, which are those that the benchmark asks for
"""

import dataclasses
import functools
import hashlib
import pathlib
from typing import Any

from codegen_jax.data.corpus import Document
from codegen_jax.data.microeval.compositions import Split
from codegen_jax.data.microeval.draws import Draws
from codegen_jax.data.microeval.functions import VERBS, function
from codegen_jax.errors import InputError

BETWEEN = "\n\n\n"
FEWEST, MOST = 3, 6  # functions of a module


@dataclasses.dataclass(frozen=True)
class MicroCorpus:
  """Has what `Corpus` has; the fields are its numbers of modules."""

  train: int = 6000  # two million tokens
  validation: int = 150

  def split(self, name: str) -> tuple[Document, ...]:
    if name not in ("train", "validation"):
      raise InputError(f"micro has no split {name!r}; its splits are train and validation")
    return self._train if name == "train" else self._validation

  @functools.cached_property
  def fingerprint(self) -> str:
    """Changes with the code that makes the documents; to make them takes ten seconds."""
    digest = hashlib.sha256(repr(self).encode())
    for file in sorted(pathlib.Path(__file__).parent.glob("*.py")):
      digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()

  def record(self) -> dict[str, Any]:
    return {
      "fingerprint": self.fingerprint,
      "description": "generated functions over lists; validation has compositions of its own",
      "files": self.train + self.validation,
      "held_out_files": self.validation,
    }

  @functools.cached_property
  def _train(self) -> tuple[Document, ...]:
    return tuple(_module("train", number) for number in range(self.train))

  @functools.cached_property
  def _validation(self) -> tuple[Document, ...]:
    return tuple(_module("validation", number) for number in range(self.validation))


def _module(split: Split, number: int) -> Document:
  draws = Draws(f"module {split} {number}")
  (count,) = draws.between(FEWEST, MOST, 1)
  verbs = draws.sample(VERBS, count)  # so no name comes twice
  texts = [function(split, number * MOST + n, verbs=(verb,)).text for n, verb in enumerate(verbs)]
  return Document(f"micro/{split}/{number:05}.py", BETWEEN.join(texts) + "\n")
