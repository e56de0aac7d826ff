"""Two tiny corpora and tasks over them, registered once.  A token's id tells where it stands."""

from collections.abc import Callable, Mapping
import dataclasses
import functools
import pathlib
import tempfile
from typing import Any

import numpy as np
import seqio

from codegen_jax.data import order, special_tokens, token_store
from codegen_jax.data.objectives import CausalLM, Example, Objective, PerFile, PrefixLM
from codegen_jax.data.rows import RowSource
from codegen_jax.data.token_store import TokenStore
from tasks import build

EOS = 99
WORDS = 82  # ids below are words, the others special tokens
FOLDER = tempfile.TemporaryDirectory(prefix="toy")

# Id 0 is a word like any other: alone, in the middle, twice.
CODE = {
  "train": {
    "a.py": [0],
    "b.py": [1, 0, 2],
    "c.py": list(range(3, 33)),
    "d.py": [0, 0],
    "e.py": list(range(33, 40)),
  },
  "validation": {"f.py": [40, 0, 41, 42]},
}
PROSE = {
  "train": {"p.md": list(range(50, 62)), "q.md": [0, *range(62, 80)]},
  "validation": {"r.md": [80, 81]},
}


# Long enough for an objective to work on, down to a document of one word.
_words = np.random.default_rng(0)
LONG = {
  f"{number:02}.py": _words.integers(0, WORDS, size).tolist()
  for number, size in enumerate([1, 90, 2, 3, 40, *_words.integers(5, 50, 35).tolist(), 300])
}
NAMES = special_tokens.trained(num_masks=8)
SPECIALS = dict(zip(NAMES, (EOS, *range(WORDS, EOS)), strict=True))


class Words(seqio.PassThroughVocabulary):
  """Every id is a word of one letter, but for the special tokens."""

  def special_id(self, name: str) -> int:
    return SPECIALS[name]

  def mask_ids(self) -> np.ndarray:
    return np.array([SPECIALS[special_tokens.mask(k)] for k in range(1, 9)], np.int32)

  def is_special(self) -> np.ndarray:
    return np.arange(self.vocab_size) >= WORDS

  def token_num_bytes(self) -> np.ndarray:
    return np.where(self.is_special(), 0, 1)

  def to_bytes(self, ids: np.ndarray) -> bytes:
    return bytes(ids[ids < WORDS].tolist())

  def _encode(self, s: str) -> list[int]:
    return [*s.encode()]


@dataclasses.dataclass(frozen=True)
class ToySource:
  """What tasks.build asks of a source, without a tokenizer."""

  name: str
  documents: Mapping[str, Mapping[str, list[int]]]

  @property
  def splits(self) -> tuple[str, ...]:
    return tuple(self.documents)

  @property
  def vocabulary(self) -> seqio.Vocabulary:
    return Words(size=100, eos_id=EOS)

  def record(self) -> dict[str, Any]:
    return {"version": "toy"}

  def reader(self, split: str) -> Callable[[], TokenStore]:
    return functools.cache(functools.partial(self._write, split))

  def _write(self, split: str) -> TokenStore:
    told = repr(self.documents[split].items())
    folder = pathlib.Path(FOLDER.name) / f"{self.name}-{split}-{order.stable_hash(told)}"
    documents = self.documents[split].items()
    return token_store.write(folder, documents, vocab_size=100, eos_id=EOS, fingerprint=told)


@dataclasses.dataclass(frozen=True)
class Noise(Objective):
  """Puts a random number in every token's place: two rows agree only if they share their noise."""

  def __call__(self, example: Example, rng: np.random.Generator) -> Example:
    return dataclasses.replace(example, tokens=rng.integers(2**31, size=len(example.tokens)))


def source(task: str) -> RowSource:
  return seqio.TaskRegistry.get(task).source


def tokens(documents: Mapping[str, list[int]]) -> list[int]:
  """All documents end to end, as a store holds them."""
  return [token for ids in documents.values() for token in [*ids, EOS]]


for corpus in (ToySource("toy_code", CODE), ToySource("toy_prose", PROSE)):
  build.add_task(f"{corpus.name}_clm", corpus, CausalLM())
  build.add_task(f"{corpus.name}_prefix_lm", corpus, PerFile(PrefixLM()))
  build.add_task(f"{corpus.name}_noise", corpus, Noise())

LONG_SOURCE = ToySource("toy_long", {"train": LONG, "validation": PROSE["train"]})
build.add_recipes("toy_long", LONG_SOURCE)

build.add_mixture("toy_clm", {"toy_code_clm": 2, "toy_prose_clm": 1})
build.add_mixture("toy_noise", {"toy_code_noise": 2, "toy_prose_noise": 1})
