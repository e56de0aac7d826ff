"""Fill in the middle: a part of the document is moved to its end."""

import dataclasses
import functools
from typing import Literal

from jaxtyping import Int
import numpy as np

from codegen_jax.data import special_tokens
from codegen_jax.data.objectives import sentinels
from codegen_jax.data.objectives.example import Example, Objective
from codegen_jax.data.objectives.sentinels import Vocabulary
from codegen_jax.errors import InputError

Sections = tuple[Int[np.ndarray, " p"], Int[np.ndarray, " m"], Int[np.ndarray, " s"]]


@dataclasses.dataclass(frozen=True)
class PrefixSuffixMiddle(Objective):
  """Moves a random middle to the end, where it is predicted from both its sides (2207.14255).

      document  a b c d e f </s>
      psm       [<pre> a b <suf> e f <mid>] c d </s>
      spm       [<pre> <suf> e f <mid> a b] c d </s>      the paper's second variant

  Every token is scored; a PrefixLM reads what stands in [ ] both ways.  Inside `PerFile` this is
  the paper's context level; a task with `level="document"` does it before documents are cut.

  Args:
    vocabulary: of the documents; its <fim_prefix>, <fim_suffix>, <fim_middle> mark the sections.
    order: "psm", "spm", or "joint": either with equal chance.
    cuts: "character": the middle lies between two characters drawn uniformly, and each section is
      encoded anew (the paper's; bigcode's `permute`).  "token": between two tokens, 100 times
      faster; then a model never meets a middle that begins inside a word.
    rate: the share of documents that this is done to; the others stay as they are.
  """

  vocabulary: Vocabulary = dataclasses.field(repr=False)
  order: Literal["psm", "spm", "joint"] = "psm"
  cuts: Literal["character", "token"] = "character"
  rate: float = 1.0

  def __post_init__(self):
    for field, choices in {
      "order": ("psm", "spm", "joint"),
      "cuts": ("character", "token"),
    }.items():
      if (given := getattr(self, field)) not in choices:
        raise InputError(f"PrefixSuffixMiddle has {field}={given!r}; choose {' or '.join(choices)}")
    if not 0 < self.rate <= 1:
      raise InputError(
        f"PrefixSuffixMiddle has a rate of {self.rate}; it must lie between 0, left out, and 1"
      )

  @functools.cached_property
  def _sentinels(self) -> tuple[Int[np.ndarray, " 1"], ...]:
    names = special_tokens.FIM_PREFIX, special_tokens.FIM_SUFFIX, special_tokens.FIM_MIDDLE
    return tuple(np.array([self.vocabulary.special_id(name)], np.int32) for name in names)

  def __call__(self, example: Example, rng: np.random.Generator) -> Example:
    if rng.random() >= self.rate:
      return example
    body = sentinels.body(example, self.vocabulary)
    n = len(body.tokens)
    if body.why_not:
      return example.left(n, body.why_not)
    if example.room < 3:
      return example.left(n, "its row has no room")
    prefix, middle, suffix = self._cut(body.tokens, rng, longest=n + example.room - 3)
    pre, suf, mid = self._sentinels
    if self.order == "spm" or (self.order == "joint" and rng.random() < 0.5):
      told = (pre, suf, suffix, mid, prefix)
    else:
      told = (pre, prefix, suf, suffix, mid)
    tokens = np.concatenate((*told, middle, body.end))
    prefix_mask = np.zeros(len(tokens), bool)
    prefix_mask[: 3 + len(prefix) + len(suffix)] = True
    return Example(
      tokens,
      np.ones(len(tokens), bool),
      prefix_mask,
      np.full(len(tokens), example.segment_ids[0]),
      room=example.room - (len(tokens) - len(example.tokens)),
      changes=example.changed(n, np.array([len(middle)])),
    )

  def _cut(
    self, tokens: Int[np.ndarray, " n"], rng: np.random.Generator, *, longest: int
  ) -> Sections:
    # A row that is treated as one document may hold ends of others, which no text encodes to.
    if self.cuts == "token" or not self.vocabulary.token_num_bytes().take(tokens).all():
      return sections(tokens, *sorted(rng.integers(0, len(tokens) + 1, 2).tolist()))
    return cut_between_characters(tokens, self.vocabulary, rng, longest=longest)

  def growth(self, num_tokens: int, documents: int = 1) -> int:
    # A cut inside a word makes its two halves other tokens, seldom more than two additional ones.
    return 3 if self.cuts == "token" else 3 + 2 * 2

  def check(self, num_tokens: int, documents: int = 1) -> None:
    _ = self._sentinels


def sections(tokens: Int[np.ndarray, " n"], first: int, second: int) -> Sections:
  """Prefix, middle, suffix."""
  return tokens[:first], tokens[first:second], tokens[second:]


def cut_between_characters(
  tokens: Int[np.ndarray, " n"], vocabulary: Vocabulary, rng: np.random.Generator, *, longest: int
) -> Sections:
  """Cuts the text at two places drawn uniformly from all before, between and after its characters.

  A row may begin or end within a character: those bytes cannot be encoded, and stay as they are.
  Where the sections have more than `longest` tokens, and where bytes inside are no UTF-8, each cut
  moves back to the beginning of its token.
  """
  num_bytes = vocabulary.token_num_bytes()[tokens]
  ends = np.cumsum(num_bytes)  # of each token, in bytes
  data = vocabulary.to_bytes(tokens)
  is_start = (np.frombuffer(data, np.uint8) & 0xC0) != 0x80  # of a character
  begin, end = _whole_characters(data, ends, is_start)
  starts = np.flatnonzero(is_start[begin:end]) + begin
  places = np.append(starts, end)
  first, second = np.sort(rng.integers(0, len(places), 2))
  cut, cut_again = int(places[first]), int(places[second])
  head, tail = np.searchsorted(ends, begin, "right"), np.searchsorted(ends, end, "right")
  try:
    texts = [data[begin:cut].decode(), data[cut:cut_again].decode(), data[cut_again:end].decode()]
    prefix, middle, suffix = (np.array(vocabulary.encode(t), tokens.dtype) for t in texts)
  except UnicodeDecodeError:
    pass
  else:
    prefix, suffix = np.append(tokens[:head], prefix), np.append(suffix, tokens[tail:])
    if len(prefix) + len(middle) + len(suffix) <= longest:
      return prefix, middle, suffix
  return sections(tokens, *np.searchsorted(ends, (cut, cut_again), "right").tolist())


def _whole_characters(
  data: bytes, ends: Int[np.ndarray, " n"], is_start: np.ndarray
) -> tuple[int, int]:
  """The first and the last border between two tokens that is also one between two characters."""
  borders = np.append(0, ends)
  whole = np.append(is_start, _ends_whole(data))[borders]
  chosen = borders[whole]
  return (int(chosen[0]), int(chosen[-1])) if len(chosen) else (0, 0)


def _ends_whole(data: bytes) -> bool:
  tail = data[-4:].lstrip(bytes(range(0x80, 0xC0)))
  return not tail or _is_utf8(tail)


def _is_utf8(data: bytes) -> bool:
  try:
    data.decode()
  except UnicodeDecodeError:
    return False
  return True
