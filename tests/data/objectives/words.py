"""A vocabulary of ten letters, documents of them, and drawings of what objectives make of these."""

import collections
from collections.abc import Hashable, Mapping, Sequence
import dataclasses
import functools
import itertools

from hypothesis import settings
from hypothesis import strategies as st
import numpy as np

from codegen_jax.data import special_tokens
from codegen_jax.data.objectives import Example, Objective
from codegen_jax.data.objectives.example import ANY_LENGTH
from codegen_jax.data.objectives.spans import Spans
from codegen_jax.errors import InputError

LETTERS = "abcdefghij"
DRAWN = {  # as the docstrings draw them
  special_tokens.END_OF_TEXT: "</s>",
  special_tokens.FIM_PREFIX: "<pre>",
  special_tokens.FIM_SUFFIX: "<suf>",
  special_tokens.FIM_MIDDLE: "<mid>",
}


@dataclasses.dataclass(frozen=True)
class Words:
  """Id 0 is "a" and 9 is "j"; special tokens follow as in a trained vocabulary, <mask_1> last."""

  masks: int = 100
  without: tuple[str, ...] = ()

  @functools.cached_property
  def specials(self) -> dict[str, int]:
    names = special_tokens.trained(self.masks)
    return {name: i for i, name in enumerate(names, len(LETTERS)) if name not in self.without}

  def special_id(self, name: str) -> int:
    if name not in self.specials:
      raise InputError(f"these words have no special token {name!r}")
    return self.specials[name]

  def mask_ids(self) -> np.ndarray:
    return np.array([self.specials[f"<mask_{k + 1}>"] for k in range(self.masks)], np.int32)

  @functools.cached_property
  def _num_bytes(self) -> np.ndarray:
    return np.array([1] * len(LETTERS) + [0] * len(special_tokens.trained(self.masks)), np.int32)

  def token_num_bytes(self) -> np.ndarray:
    return self._num_bytes

  def is_special(self) -> np.ndarray:
    return self._num_bytes == 0

  def to_bytes(self, ids: np.ndarray) -> bytes:
    return "".join(LETTERS[i] for i in ids.tolist()).encode()  # and of no special token

  def encode(self, s: str) -> list[int]:
    return [LETTERS.index(letter) for letter in s]

  @functools.cached_property
  def names(self) -> dict[int, str]:
    specials = {i: DRAWN.get(name, name) for name, i in self.specials.items()}
    return dict(enumerate(LETTERS)) | specials


WORDS = Words()
EOS = WORDS.special_id(special_tokens.END_OF_TEXT)

few = settings(max_examples=20)  # for a property that has many parameters too
bodies = st.lists(st.integers(0, 9), max_size=12)
seeds = st.integers(0, 2**32 - 1)


@st.composite
def documents(draw, min_size: int = 1, max_size: int = 4) -> list[list[int]]:
  """What a row holds: each ends in </s>, but for the last, which may have been cut before it."""
  drawn = draw(st.lists(bodies, min_size=min_size, max_size=max_size))
  ended = [[*body, EOS] for body in drawn]
  if ended and drawn[-1] and draw(st.booleans()):
    ended[-1].pop()
  return ended


@dataclasses.dataclass(frozen=True)
class Here:
  """A SpanPolicy that draws nothing."""

  starts: tuple[int, ...]
  lengths: tuple[int, ...]

  def __call__(self, n: int, rng: np.random.Generator, *, most: int) -> Spans:
    return Spans(np.array(self.starts), np.array(self.lengths), True)

  def usual(self, n: int) -> int:
    return len(self.starts)


def ids(drawing: str) -> list[int]:
  """Of what is drawn:   a <mask_1> </s>   ->   0 119 10."""
  numbers = {name: i for i, name in WORDS.names.items()}
  return [numbers[name] for name in drawing.split()]


def row(*documents: Sequence[int], room: int = ANY_LENGTH) -> Example:
  """Documents end to end; whoever writes into them fails."""
  tokens = np.array([token for document in documents for token in document], np.int32)
  segments = np.repeat(np.arange(len(documents)) + 1, [len(document) for document in documents])
  example = Example.plain(tokens, segments.astype(np.int32), room=room)
  for array in (example.tokens, example.loss_mask, example.prefix_mask, example.segment_ids):
    array.flags.writeable = False
  return example


def parts(example: Example) -> list[Example]:
  """The documents of a row by themselves: each stands in one piece, numbered 1, 2, ..."""
  segments = example.segment_ids.tolist()
  assert sorted(set(segments)) == list(range(1, max(segments, default=0) + 1))
  assert segments == sorted(segments)
  stops = [0, *(segments.index(n) + segments.count(n) for n in sorted(set(segments)))]
  return [example.part(slice(*pair)) for pair in itertools.pairwise(stops)]


def drawn(example: Example) -> str:
  """One document as the docstrings draw it:   [a <mask_1> </s> <sep>] <mask_1> b c <eom>."""
  open_ = prefix_length(example)
  names = [WORDS.names[token] for token in example.tokens.tolist()]
  prefix = f"[{' '.join(names[:open_])}] " if open_ else ""
  return prefix + " ".join(names[open_:])


def prefix_length(example: Example) -> int:
  """Of one document, whose prefix has no hole."""
  mask = example.prefix_mask.tolist()
  assert mask == sorted(mask, reverse=True)
  return sum(mask)


def same(got: Example, expected: Example) -> bool:
  """All but what is told about it."""
  fields = "tokens", "loss_mask", "prefix_mask", "segment_ids", "answers"
  return all(np.array_equal(getattr(got, name), getattr(expected, name)) for name in fields)


def reasons(example: Example) -> list[str]:
  return [change.left for change in example.changes]


def made(objective: Objective, document: Sequence[int], seed: int = 0, **settings) -> Example:
  return objective(row(document, **settings), np.random.default_rng(seed))


def checked(made, **fields) -> None:
  """What the dataclass itself says of other fields: in tests, types alone would stop some."""
  for name, value in fields.items():
    object.__setattr__(made, name, value)
  made.__post_init__()


def assert_frequent(counts: collections.Counter, probabilities: Mapping[Hashable, float]) -> None:
  """Every outcome is as frequent as it should be, to within five standard deviations."""
  n = counts.total()
  assert set(counts) == {outcome for outcome, p in probabilities.items() if p}
  assert abs(sum(probabilities.values()) - 1) < 1e-9
  for outcome, p in probabilities.items():
    assert abs(counts[outcome] - n * p) <= 5 * (n * p * (1 - p)) ** 0.5, outcome


def assert_even(counts: collections.Counter, outcomes: Sequence[Hashable]) -> None:
  assert_frequent(counts, dict.fromkeys(outcomes, 1 / len(outcomes)))
