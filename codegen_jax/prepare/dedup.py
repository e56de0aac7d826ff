"""Who is a copy of whom, in arrays that a worker holds a share of: equal hashes, pairs, components.

A document is one number, its part and its place in it, so the smallest is the first of the input:
that one stays.

  hashes   (h1, 3) (h2, 5) (h1, 7)           copies(...)   7 is a copy of 3
  bands    (b1, 3) (b1, 5) (b2, 5) (b2, 9)   pairs(...)    3-5  5-9
  stars    3-5  5-9   large_star, small_star, again  -->   3-5  3-9
"""

from jaxtyping import Bool, Int64, UInt16, UInt64
import numpy as np

HASHED = np.dtype([("hash", "<u8"), ("ref", "<u8")])
PAIR = np.dtype([("low", "<u8"), ("high", "<u8")])
_PLACES = np.uint64(32)  # bits that the place in a part has


def refs(part: int, places: Int64[np.ndarray, " n"]) -> UInt64[np.ndarray, " n"]:
  return (np.uint64(part) << _PLACES) | places.astype(np.uint64)


def part_of(refs: UInt64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
  return (refs >> _PLACES).astype(np.int64)


def place_of(refs: UInt64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
  return (refs & np.uint64(2**32 - 1)).astype(np.int64)


def hashed(hashes: UInt64[np.ndarray, " n"], refs: UInt64[np.ndarray, " n"]) -> np.ndarray:
  made = np.empty(len(hashes), HASHED)
  made["hash"], made["ref"] = hashes, refs
  return made


def pair(low: UInt64[np.ndarray, " n"], high: UInt64[np.ndarray, " n"]) -> np.ndarray:
  made = np.empty(len(low), PAIR)
  made["low"], made["high"] = low, high
  return made


def copies(rows: np.ndarray) -> np.ndarray:
  """Of rows with one hash, each but the first: (first, it)."""
  rows = np.sort(rows, order=("hash", "ref"))
  firsts = _first_of_each(rows["hash"])
  again = np.arange(len(rows)) != firsts
  return pair(rows["ref"][firsts][again], rows["ref"][again])


def pairs(rows: np.ndarray) -> np.ndarray:
  """What has to be compared: in each bucket the first with all others, and neighbours."""
  rows = np.sort(rows, order=("hash", "ref"))
  neighbours = rows["hash"][1:] == rows["hash"][:-1]
  chain = pair(rows["ref"][:-1][neighbours], rows["ref"][1:][neighbours])
  return unique(np.concatenate([copies(rows), chain]))


def unique(rows: np.ndarray) -> np.ndarray:
  rows = np.sort(rows[rows["low"] != rows["high"]], order=("low", "high"))
  again = np.zeros(len(rows), bool)
  again[1:] = rows[1:] == rows[:-1]
  return rows[~again]


def alike(
  first: UInt16[np.ndarray, "n size"], second: UInt16[np.ndarray, "n size"], threshold: float
) -> Bool[np.ndarray, " n"]:
  """Whether so many places of two signatures agree; each is known by its last 16 bits."""
  return (first == second).mean(axis=1) >= threshold if len(first) else np.zeros(0, bool)


def large_star(rows: np.ndarray, owner: UInt64[np.ndarray, " n"]) -> np.ndarray:
  """All rows of some nodes, given both ways: owner is `high` or `low`, whose neighbours they are.

  Joins each larger neighbour of a node to the smallest in reach (Kiveris et al. 2014).
  """
  other = np.where(rows["high"] == owner, rows["low"], rows["high"])
  least, neighbour, own = _least(owner, other)
  larger = neighbour > own
  return unique(pair(least[larger], neighbour[larger]))


def small_star(rows: np.ndarray) -> np.ndarray:
  """All rows under their `high`: joins a node and its smaller neighbours to the smallest."""
  least, neighbour, own = _least(rows["high"], rows["low"])
  return unique(pair(np.concatenate([least, least]), np.concatenate([neighbour, own])))


def _least(owner: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """The smallest of an owner and its neighbours, for each row."""
  order = np.lexsort((other, owner))
  owner, other = owner[order], other[order]
  return np.minimum(other[_first_of_each(owner)], owner), other, owner


def _first_of_each(values: np.ndarray) -> np.ndarray:
  """Of sorted values, where the run that each is in begins."""
  begins = np.ones(len(values), bool)
  begins[1:] = values[1:] != values[:-1]
  return np.maximum.accumulate(np.where(begins, np.arange(len(values)), 0))
