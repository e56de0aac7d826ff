"""The order in which rows are read: closed forms, so that a position in the data is one integer."""

from collections.abc import Sequence
from fractions import Fraction
import hashlib
import math

import numpy as np

ROUNDS = 4


def stable_hash(*parts: object) -> int:
  """64 bits that are the same in every process and on every machine (Python's hash() is salted)."""
  text = "\0".join(str(part) for part in parts)
  return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def generator(*, seed: int, task: str, epoch: int, row: int) -> np.random.Generator:
  """The noise of one row of a task in one epoch: shared with no other row, task, epoch or host."""
  return np.random.default_rng([seed, stable_hash(task), epoch, row])


def permuted(index: int, size: int, key: int) -> int:
  """Where position `index` of a shuffled epoch lies: a keyed permutation of range(size).

  A Feistel network over the next power of four, walked until it lands inside `size` (fewer than
  four rounds of it on average): constant memory, whatever the size.
  """
  half = max(1, math.ceil((size - 1).bit_length() / 2))
  mask = (1 << half) - 1
  while True:
    left, right = index >> half, index & mask
    for round_ in range(ROUNDS):
      left, right = right, left ^ (_mix(right, key + round_) & mask)
    index = left << half | right
    if index < size:
      return index


def locate(index: int, rates: Sequence[Fraction]) -> tuple[int, int]:
  """Which task the index-th row of a mixture comes from, and which of that task's rows it is.

  Every stretch of the mixture holds the tasks at their rates to within one row for each halving of
  the list.  Two tasks at 2 : 1 read  a0 a1 b0 a2 a3 b1 ...
  """
  first, last = 0, len(rates)
  while last - first > 1:
    middle = (first + last) // 2
    left = sum(rates[first:middle])
    share = left / (left + sum(rates[middle:last]))
    before = math.ceil(index * share)
    if math.ceil((index + 1) * share) > before:
      last, index = middle, before
    else:
      first, index = middle, index - before
  return first, index


def counts(total: int, rates: Sequence[Fraction]) -> list[int]:
  """How many of the first `total` rows of a mixture come from each task."""
  if len(rates) == 1:
    return [total]
  middle = len(rates) // 2
  left = math.ceil(total * (sum(rates[:middle]) / sum(rates)))
  return counts(left, rates[:middle]) + counts(total - left, rates[middle:])


def _mix(x: int, key: int) -> int:
  """splitmix64's finaliser."""
  x = (x + key * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
  x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
  x = ((x ^ x >> 27) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
  return x ^ x >> 31
