"""The words of many texts as 64-bit hashes, and every run of n of them as one, in numpy.

  "def f(x):  return x"   words      def f x return x              letters, digits, _ and non-ASCII
                          grams(3)   def-f-x  f-x-return  x-return-x

A hash is the same in every process and on every machine.  Letters count as small ones.
"""

from collections.abc import Sequence
import dataclasses
import functools

from jaxtyping import Bool, Int64, UInt64
import numpy as np

BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that it has an inverse modulo 2^64
INVERSE = np.uint64(pow(int(BASE), -1, 2**64))


def _table() -> np.ndarray:
  """0 for what separates words, else the byte as it is hashed."""
  table = np.zeros(256, np.uint8)
  for char in b"0123456789_abcdefghijklmnopqrstuvwxyz":
    table[char] = char
  for char in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ":
    table[char] = char + 32
  table[128:] = range(128, 256)
  return table


_TABLE = _table()


@dataclasses.dataclass(frozen=True)
class Words:
  """Of all texts, one after the other."""

  hashes: UInt64[np.ndarray, " words"]
  offsets: Int64[np.ndarray, " texts_and_end"]  # where the words of each text begin


def words(texts: Sequence[str]) -> Words:
  # One byte between two texts, so that no word goes across.
  joined = "\n".join(texts).encode() + b"\n"
  sizes = np.array([len(text.encode()) if not text.isascii() else len(text) for text in texts])
  ends = np.cumsum(sizes + 1)
  letters = _TABLE[np.frombuffer(joined, np.uint8)]
  inside = np.zeros(len(letters) + 2, np.int8)
  inside[1:-1] = letters != 0
  edges = np.flatnonzero(np.diff(inside))
  starts, stops = edges[::2], edges[1::2]
  offsets = np.zeros(len(texts) + 1, np.int64)
  offsets[1:] = np.searchsorted(starts, ends)
  return Words(_hashed(letters, starts, stops), offsets)


def _hashed(letters: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
  """Sum over a word of letter * BASE^k, by sums of all letters before its end and its start."""
  powers, inverses = _powers(len(letters))
  sums = np.zeros(len(letters) + 1, np.uint64)
  np.cumsum(letters * powers[: len(letters)], out=sums[1:])
  with np.errstate(over="ignore"):
    return mixed((sums[stops] - sums[starts]) * inverses[starts])


_kept: tuple[np.ndarray, np.ndarray] = (np.ones(1, np.uint64), np.ones(1, np.uint64))


def _powers(length: int) -> tuple[np.ndarray, np.ndarray]:
  global _kept  # grows to the longest that was asked for
  if len(_kept[0]) < length:
    size = 2 ** (length - 1).bit_length()
    _kept = (_geometric(BASE, size), _geometric(INVERSE, size))
  return _kept


def _geometric(base: np.uint64, size: int) -> np.ndarray:
  made = np.full(size, base, np.uint64)
  made[0] = 1
  with np.errstate(over="ignore"):
    return np.multiply.accumulate(made)


def mixed(values: UInt64[np.ndarray, "..."]) -> UInt64[np.ndarray, "..."]:
  """The finaliser of SplitMix64: every bit of the result depends on every bit given."""
  with np.errstate(over="ignore"):
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
  return values ^ (values >> np.uint64(31))


@functools.cache
def _factors(n: int) -> list[np.uint64]:
  return [np.uint64(int(mixed(np.array([i + 1], np.uint64))[0]) | 1) for i in range(n)]


def grams(hashes: UInt64[np.ndarray, " words"], n: int) -> UInt64[np.ndarray, " grams"]:
  """Of all runs of n words, also of those across two texts: see `whole`."""
  count = max(len(hashes) - n + 1, 0)
  total = np.zeros(count, np.uint64)
  with np.errstate(over="ignore"):
    for place, factor in enumerate(_factors(n)):
      total += hashes[place : place + count] * factor
  return mixed(total)


def whole(found: Words, n: int) -> Bool[np.ndarray, " grams"]:
  """Which of the grams lie in one text."""
  count = max(len(found.hashes) - n + 1, 0)
  inside = np.ones(count, bool)
  for end in found.offsets[1:-1]:
    inside[max(end - n + 1, 0) : min(end, count)] = False
  return inside


def gram_offsets(found: Words, n: int) -> Int64[np.ndarray, " texts_and_end"]:
  """Where the grams of each text begin among those that `whole` leaves."""
  counts = np.maximum(np.diff(found.offsets) - n + 1, 0)
  return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
