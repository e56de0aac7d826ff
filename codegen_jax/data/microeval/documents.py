"""The family as a corpus: small modules of functions, made when they are first asked for.

train        modules of functions of training compositions
validation   modules of functions of held-out ones, which are those that the benchmark asks for
"""

import dataclasses
import functools
import hashlib
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
    if name not in self._splits:
      raise InputError(f"micro has no split {name!r}; its splits are train and validation")
    return self._splits[name]

  @functools.cached_property
  def fingerprint(self) -> str:
    """Changes with any byte of any path or text."""
    digest = hashlib.sha256()
    for documents in self._splits.values():
      for document in documents:
        digest.update(hashlib.sha256(document.path.encode()).digest())
        digest.update(hashlib.sha256(document.text.encode()).digest())
    return digest.hexdigest()

  def record(self) -> dict[str, Any]:
    held_out = self.split("validation")
    every = (*self.split("train"), *held_out)
    return {
      "fingerprint": self.fingerprint,
      "description": "generated functions over lists; validation has compositions of its own",
      "files": len(every),
      "bytes": sum(len(document.text.encode()) for document in every),
      "held_out_files": len(held_out),
      "held_out_bytes": sum(len(document.text.encode()) for document in held_out),
    }

  @functools.cached_property
  def _splits(self) -> dict[str, tuple[Document, ...]]:
    return {
      "train": tuple(_module("train", number) for number in range(self.train)),
      "validation": tuple(_module("validation", number) for number in range(self.validation)),
    }


def _module(split: Split, number: int) -> Document:
  draws = Draws(f"module {split} {number}")
  (count,) = draws.between(FEWEST, MOST, 1)
  verbs = draws.sample(VERBS, count)  # so no name comes twice
  texts = [function(split, number * MOST + n, verbs=(verb,)).text for n, verb in enumerate(verbs)]
  return Document(f"micro/{split}/{number:05}.py", BETWEEN.join(texts) + "\n")
