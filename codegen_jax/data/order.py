"""The order in which rows are read: closed forms, so that a position in the data is one integer."""

from collections.abc import Sequence
from fractions import Fraction
import functools
import hashlib
import math

import numpy as np

Rates = Sequence[int] | Sequence[Fraction]  # exact; whole numbers are several times faster

ROUNDS = 4


@functools.lru_cache(1024, typed=True)  # rows differ in their number alone
def stable_hash(*parts: object) -> int:
  """64 bits that are the same in every process and on every machine (Python's hash() is salted)."""
  text = "\0".join(str(part) for part in parts)
  return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def generator(*, seed: int, task: str, epoch: int, row: int) -> np.random.Generator:
  """The noise of one row of a task in one epoch: shared with no other row, task, epoch or host."""
  # What default_rng makes of these numbers; it takes apart a list of them in 5 us more.
  words = b"".join(map(_words, (seed, stable_hash(task), epoch, row)))
  return np.random.Generator(np.random.PCG64(np.frombuffer(words, "<u4")))


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


def locate(index: int, rates: Rates) -> tuple[int, int]:
  """Which task the index-th row of a mixture comes from, and which of that task's rows it is.

  Every stretch of the mixture holds the tasks at their rates to within one row for each halving of
  the list.  Two tasks at 2 : 1 read  a0 a1 b0 a2 a3 b1 ...
  """
  first, last = 0, len(rates)
  while last - first > 1:
    middle = (first + last) // 2
    left, both = sum(rates[first:middle]), sum(rates[first:last])
    before = _ceil_div(index * left, both)
    if _ceil_div((index + 1) * left, both) > before:
      last, index = middle, before
    else:
      first, index = middle, index - before
  return first, index


def counts(total: int, rates: Rates) -> list[int]:
  """How many of the first `total` rows of a mixture come from each task."""
  if len(rates) == 1:
    return [total]
  middle = len(rates) // 2
  left = _ceil_div(total * sum(rates[:middle]), sum(rates))
  return counts(left, rates[:middle]) + counts(total - left, rates[middle:])


def _ceil_div(a: int | Fraction, b: int | Fraction) -> int:
  return int(-(-a // b))


def _words(number: int) -> bytes:
  """In 32 bits, and as many more as it needs."""
  return number.to_bytes(4 * max(1, math.ceil(number.bit_length() / 32)), "little")


def _mix(x: int, key: int) -> int:
  """splitmix64's finaliser."""
  x = (x + key * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
  x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
  x = ((x ^ x >> 27) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
  return x ^ x >> 31
