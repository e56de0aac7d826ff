"""How many spans to take out of a document, how long, and where: each policy is a value.

A policy draws the first tokens and the lengths of spans in n tokens, in their order:

    n = 12   . . x x x . . . x . x x   ->   starts 2 8 10, lengths 3 1 2

Spans never touch: two that did would be one gap to whoever reads the result.
"""

import dataclasses
import math
from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Int
import numpy as np

from codegen_jax.errors import InputError


class Spans(NamedTuple):
  """What a policy draws."""

  starts: Int[np.ndarray, " k"]
  lengths: Int[np.ndarray, " k"]
  all: bool  # or only as many as were asked for, of more that were drawn


@runtime_checkable
class SpanPolicy(Protocol):
  """How to draw spans."""

  def __call__(self, n: int, rng: np.random.Generator, *, most: int) -> Spans:
    """At most `most` spans in n >= 2 tokens, where most >= 1."""

  def usual(self, n: int) -> int:
    """About how many spans n tokens have, where the policy takes the most out of them."""


@dataclasses.dataclass(frozen=True)
class UniformSpans:
  """CodeGen2's: a share of tokens drawn anew for each document, spans of uniform lengths.

  Lengths are drawn until they cover the share; the one that goes over is cut to meet it, so the
  number of masked tokens is exact.  Every placement that keeps spans apart is equally likely.

  Args:
    ratio: lowest and highest share of masked tokens, between which it is drawn uniformly.  The
      paper's range is not known to us: these numbers are ours.
    lengths: shortest and longest span, in tokens.  Ours too.
  """

  ratio: tuple[float, float] = (0.05, 0.5)
  lengths: tuple[int, int] = (1, 64)

  def __post_init__(self):
    low, high = self.ratio
    if not 0 < low <= high < 1:
      raise InputError(
        f"UniformSpans has the mask ratio {self.ratio}; it must lie between 0 and 1, both left out:"
        " at 0 nothing is learnt and at 1 nothing is left to read"
      )
    if not 1 <= self.lengths[0] <= self.lengths[1]:
      raise InputError(
        f"UniformSpans has spans of {self.lengths[0]} to {self.lengths[1]} tokens; give the"
        " shortest, at least 1, and the longest"
      )

  def __call__(self, n: int, rng: np.random.Generator, *, most: int) -> Spans:
    low, high = self.ratio
    masked = min(max(round(n * (low + (high - low) * rng.random())), 1), n - 1)
    shortest, longest = self.lengths
    lengths = rng.integers(shortest, longest + 1, -(-masked // shortest))
    ends = lengths.cumsum()
    count = int(ends.searchsorted(masked)) + 1
    lengths = lengths[:count]
    lengths[-1] -= ends[count - 1] - masked
    # The cut one may stand anywhere.  Between spans there has to be a token.
    lengths = rng.permutation(lengths)[: min(most, n - masked + 1)]
    return Spans(apart(lengths, n, rng), lengths, len(lengths) == count)

  def usual(self, n: int) -> int:
    masked, mean = n * self.ratio[1], sum(self.lengths) / 2
    variance = ((self.lengths[1] - self.lengths[0] + 1) ** 2 - 1) / 12
    # A renewal process: two standard deviations above the mean number of lengths it takes.
    return math.ceil(masked / mean + 2 * math.sqrt(masked * variance / mean**3)) + 1


@dataclasses.dataclass(frozen=True)
class FixedMeanSpans:
  """T5's: a fixed share of tokens in spans of a fixed mean length.

  Masked and other tokens are cut into equally many pieces, which take turns; a document begins with
  a token that stays and ends with a span.  (t5/data/preprocessors.py, `random_spans_noise_mask`.)
  """

  ratio: float = 0.15
  mean: float = 3.0

  def __post_init__(self):
    if not 0 < self.ratio < 1:
      raise InputError(
        f"FixedMeanSpans has the mask ratio {self.ratio}; it must lie between 0 and 1, both left"
        " out: at 0 nothing is learnt and at 1 nothing is left to read"
      )
    if self.mean < 1:
      raise InputError(f"FixedMeanSpans has spans of {self.mean} tokens; the mean is 1 or more")

  def __call__(self, n: int, rng: np.random.Generator, *, most: int) -> Spans:
    masked, count = self._counts(n)
    lengths = pieces(masked, min(count, most), rng)  # fewer spans are longer ones
    gaps = pieces(n - masked, min(count, most), rng)
    return Spans(gaps.cumsum() + lengths.cumsum() - lengths, lengths, count <= most)

  def usual(self, n: int) -> int:
    return self._counts(n)[1] if n > 1 else 1

  def _counts(self, n: int) -> tuple[int, int]:
    masked = min(max(round(n * self.ratio), 1), n - 1)
    return masked, min(max(round(masked / self.mean), 1), n - masked)


@dataclasses.dataclass(frozen=True)
class PoissonSpans:
  """InCoder's: few spans, each between two points of the document that are drawn uniformly.

  Their number is Poisson's, truncated to 1 .. 256 (2204.05999).  Where to put several is as in
  metaseq's `causal_masked_dataset.py`: of number ** 2 candidates those that meet none before them.
  """

  mean: float = 1.0

  def __post_init__(self):
    if not 0.01 <= self.mean < 100:  # below, a number that is not 0 is hardly ever drawn
      raise InputError(f"PoissonSpans has a mean of {self.mean} spans; give a positive one, near 1")

  def __call__(self, n: int, rng: np.random.Generator, *, most: int) -> Spans:
    number = 0
    while not 1 <= number <= 256:
      number = int(rng.poisson(self.mean))
    chosen: list[tuple[int, int]] = []
    while not chosen:  # two points may be one
      for points in np.sort(rng.integers(0, n + 1, (number**2, 2)), axis=1).tolist():
        start, stop = points
        if start < stop and all(stop < first or last < start for first, last in chosen):
          chosen.append((start, stop))
        if len(chosen) == min(number, most):
          break
    starts, stops = np.array(sorted(chosen)).T
    return Spans(starts, stops - starts, number <= most)

  def usual(self, n: int) -> int:
    return math.ceil(self.mean + 3 * math.sqrt(self.mean))


def apart(
  lengths: Int[np.ndarray, " k"], n: int, rng: np.random.Generator
) -> Int[np.ndarray, " k"]:
  """Where to put spans in n tokens, a token between any two: every way equally likely."""
  k, ends = len(lengths), lengths.cumsum()
  # Each span with the token that must follow it (but the last) is one bar among the others' stars.
  stars = n - int(ends[-1]) - (k - 1)
  bars = distinct(stars + k, k, rng)
  return bars + ends - lengths


def pieces(total: int, parts: int, rng: np.random.Generator) -> Int[np.ndarray, " parts"]:
  """Cuts `total` into `parts` whole numbers of at least 1: every way equally likely."""
  cuts = distinct(total - 1, parts - 1, rng) + 1
  bounds = np.concatenate(([0], cuts, [total]))
  return bounds[1:] - bounds[:-1]


def distinct(size: int, count: int, rng: np.random.Generator) -> Int[np.ndarray, " count"]:
  """`count` different numbers below `size`, in order."""
  numbers = rng.choice(size, count, replace=False, shuffle=False)
  numbers.sort()
  return numbers
