"""Drops documents that hold a part of a benchmark: a run of so many words in both.

  HumanEval/0   from typing import List def has_close_elements numbers List float threshold ...
  a document    ...  def has_close_elements numbers List float threshold float  ...        dropped

Runs that are numbers for the most part occur everywhere, and are left out.
"""

from collections.abc import Sequence
import dataclasses
import functools
import os
import pathlib
import re
from typing import Any

from jaxtyping import Bool, UInt64
import numpy as np

from codegen_jax.data import jsonl
from codegen_jax.errors import InputError
from codegen_jax.prepare import words

FOLDER = "CODEGEN_JAX_BENCHMARKS"
_BITS = 22  # of the first look, a table of bits


@dataclasses.dataclass(frozen=True)
class Decontamination:
  """Which benchmarks, and how long a run.

  Attributes:
    files: JSONL below the folder that $CODEGEN_JAX_BENCHMARKS names; what is absent is skipped,
      and said.
    fields: of a line that are matched: texts, lists of texts, joined where they follow each other.
    words: of a run.
    named: how many words of a run have to have a letter.
  """

  files: tuple[str, ...] = ("humaneval/HumanEval.jsonl.gz", "mtpb/mtpb.jsonl")
  fields: tuple[str, ...] = ("prompt", "canonical_solution", "prompts")
  words: int = 13
  named: int = 8

  def found(self) -> dict[str, pathlib.Path]:
    folder = os.environ.get(FOLDER)
    paths = (
      {name: pathlib.Path(folder).expanduser() / name for name in self.files} if folder else {}
    )
    return {name: path for name, path in paths.items() if path.is_file()}

  def runs(self) -> UInt64[np.ndarray, " runs"]:
    """Of all files that are there, sorted."""
    texts = [text for path in self.found().values() for text in _texts(path, self.fields)]
    return self.runs_of(texts)

  def runs_of(self, texts: Sequence[str]) -> UInt64[np.ndarray, " runs"]:
    if not texts:
      return np.zeros(0, np.uint64)
    found = words.words(texts)
    inside = words.whole(found, self.words)
    lettered = np.array([bool(re.search("[a-z]", w)) for t in texts for w in spelled(t)], np.int64)
    sums = np.concatenate([[0], np.cumsum(lettered)])
    named = sums[self.words :] - sums[: -self.words] >= self.named
    return np.unique(words.grams(found.hashes, self.words)[inside & named])


def spelled(text: str) -> list[str]:
  """The words that `words.words` hashes."""
  return re.findall("[0-9A-Za-z_\x80-\U0010ffff]+", text.lower())


class Matcher:
  """Tells which texts hold any of the runs."""

  def __init__(self, runs: UInt64[np.ndarray, " runs"], length: int):
    self._runs, self._length = runs, length
    self._table = np.zeros(2**_BITS, bool)
    self._table[_low(runs)] = True

  def __call__(self, found: words.Words) -> Bool[np.ndarray, " texts"]:
    contaminated = np.zeros(len(found.offsets) - 1, bool)
    if not len(self._runs):
      return contaminated
    grams = words.grams(found.hashes, self._length)
    places = np.flatnonzero(self._table[_low(grams)])
    at = np.minimum(np.searchsorted(self._runs, grams[places]), len(self._runs) - 1)
    places = places[self._runs[at] == grams[places]]
    text = np.searchsorted(found.offsets, places, side="right") - 1
    whole = places + self._length <= found.offsets[text + 1]
    contaminated[text[whole]] = True
    return contaminated


@functools.lru_cache(maxsize=2)
def matcher(settings: Decontamination) -> Matcher:
  """One for each process."""
  return Matcher(settings.runs(), settings.words)


def _low(hashes: np.ndarray) -> np.ndarray:
  return (hashes & np.uint64(2**_BITS - 1)).astype(np.int64)


def _texts(path: pathlib.Path, fields: Sequence[str]) -> list[str]:
  import json

  try:
    lines = [json.loads(line) for line in jsonl.lines(path) if line.strip()]
  except ValueError as error:
    raise InputError(f"the benchmark {path} is not JSONL ({error}); get it anew") from error
  return ["\n".join(part for f in fields for part in _parts(line.get(f))) for line in lines]


def _parts(value: Any) -> list[str]:
  if isinstance(value, str):
    return [value]
  return [part for item in value for part in _parts(item)] if isinstance(value, list) else []
