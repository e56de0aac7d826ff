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


@dataclasses.dataclass(frozen=True)
class MicroCorpus:
  """Has what `Corpus` has.

  Attributes:
    train: how many modules; two million tokens.
    validation: how many modules.
    fewest: functions of a module.
    most: functions of a module.
    name: what paths begin with.
  """

  train: int = 6000
  validation: int = 150
  fewest: int = 3
  most: int = 6
  name: str = "micro"

  def __post_init__(self):
    if not 1 <= self.fewest <= self.most <= len(VERBS):
      raise InputError(
        f"a module of {self.fewest} to {self.most} functions cannot be made; from 1 to"
        f" {len(VERBS)} have names of their own"
      )

  def split(self, name: str) -> tuple[Document, ...]:
    if name not in ("train", "validation"):
      raise InputError(f"{self.name} has no split {name!r}; its splits are train and validation")
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
    return tuple(self._document("train", number) for number in range(self.train))

  @functools.cached_property
  def _validation(self) -> tuple[Document, ...]:
    return tuple(self._document("validation", number) for number in range(self.validation))

  def _document(self, split: Split, number: int) -> Document:
    draws = Draws(f"module {split} {number}")
    (count,) = draws.between(self.fewest, self.most, 1)
    verbs = draws.sample(VERBS, count)  # so no name comes twice
    first = number * self.most
    texts = [function(split, first + n, verbs=(verb,)).text for n, verb in enumerate(verbs)]
    return Document(f"{self.name}/{split}/{number:05}.py", BETWEEN.join(texts) + "\n")
