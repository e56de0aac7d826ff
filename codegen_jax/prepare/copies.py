"""Which documents are copies of which, on Apache Beam: hashes, pairs and stars are its groups.

exact      hashes by value -> copies                                              GroupByKey
near       bands by value -> pairs -> those alike, some bands at a time           GroupByKey
stars      pairs -> components, a round at a time until nothing changes           GroupByKey
"""

from collections.abc import Iterable, Iterator
import functools

import apache_beam as beam
import numpy as np

from codegen_jax.prepare import dedup, stages, storage, words
from codegen_jax.prepare.minhash import NearDuplicates
from codegen_jax.prepare.runner import Runner
from codegen_jax.prepare.settings import PrepareConfig
from codegen_jax.prepare.storage import Path

PARTS_IN_A_SHARE = 16  # of hashes; as many shares as parts would be elements by their square
HASHES_AT_ONCE = 400_000  # of bands, where the runner is this machine: 6 MB, held several times
MOST_ROUNDS = 40  # of stars; log^2 of the longest chain is enough, and 40 has never been seen


def find(runner: Runner, count: int, documents: int, config: PrepareConfig, work: Path) -> None:
  """Writes which places of which part are copies, and of what: exact/, the last pairs-."""
  done = work / "copies.json"
  if done.exists():
    return
  if config.exact:
    runner.run(functools.partial(_find_exact, count=count, work=work))
  near = ""
  if config.near:
    groups = _groups(config.near.bands, documents if runner.is_here else 0)
    for number, bands in enumerate(groups):
      runner.run(
        functools.partial(
          _find_near, count=count, near=config.near, work=work, kind=_alike_in(number), bands=bands
        )
      )
    for part in range(count):
      found = [_pairs(work, _alike_in(number), part) for number in range(len(groups))]
      rows = dedup.unique(np.concatenate(found))
      storage.write_array(stages.file(work, "pairs-0", part), rows)
    near = f"pairs-{_components(runner, count, work)}"
  storage.write_json(done, {"near": near})


def _groups(bands: int, documents: int) -> list[slice]:
  """Bands that are grouped at once: as many as memory has room for, on this machine."""
  size = max(1, HASHES_AT_ONCE // documents) if documents else bands
  return [slice(first, first + size) for first in range(0, bands, size)]


def _alike_in(group: int) -> str:
  return f"alike-{group}"


def _find_exact(pipeline: beam.Pipeline, *, count: int, work: Path) -> None:
  shares = -(-count // PARTS_IN_A_SHARE)
  _ = (
    pipeline
    | beam.Create(range(count))
    | "hashes" >> beam.FlatMap(lambda n: _shared(stages.exact_rows(work, n), shares))
    | "equal hashes" >> beam.GroupByKey()
    | "copies" >> beam.FlatMap(lambda kv: _to_parts(dedup.copies(_joined(kv[1], dedup.HASHED))))
    | "copies of a part" >> beam.GroupByKey()
    | "write copies" >> beam.Map(lambda kv: _write(work, "exact", kv))
  )


def _find_near(
  pipeline: beam.Pipeline, *, count: int, near: NearDuplicates, work: Path, kind: str, bands: slice
) -> None:
  shares = -(-count // PARTS_IN_A_SHARE)
  _ = (
    pipeline
    | beam.Create(range(count))
    | "bands" >> beam.FlatMap(lambda n: _shared(stages.band_rows(work, n, near, bands), shares))
    | "equal bands" >> beam.GroupByKey()
    | "pairs" >> beam.FlatMap(lambda kv: _to_parts(dedup.pairs(_joined(kv[1], dedup.HASHED))))
    | "pairs by their second" >> beam.GroupByKey()
    | "second signatures" >> beam.FlatMap(lambda kv: _sign_second(work, kv))
    | "pairs by their first" >> beam.GroupByKey()
    | "alike" >> beam.Map(lambda kv: _alike(work, kind, kv, near.threshold))
  )


def _shared(rows: np.ndarray, shares: int) -> Iterator[tuple[int, bytes]]:
  """Rows by the share of all hashes that they are in, packed."""
  share = rows["hash"] % np.uint64(shares)
  order = np.argsort(share, kind="stable")
  rows, share = rows[order], share[order]
  for key in np.unique(share).tolist():
    start, stop = np.searchsorted(share, [key, key + 1])
    yield int(key), rows[start:stop].tobytes()


def _joined(packed: Iterable[bytes], dtype: np.dtype) -> np.ndarray:
  return np.frombuffer(b"".join(packed), dtype)


def _to_parts(rows: np.ndarray, by: str = "high") -> Iterator[tuple[int, bytes]]:
  owner = dedup.part_of(rows[by])
  for number in np.unique(owner).tolist():
    yield number, rows[owner == number].tobytes()


def _write(work: Path, kind: str, group: tuple[int, Iterable[bytes]]) -> None:
  number, packed = group
  rows = dedup.unique(_joined(packed, dedup.PAIR))
  storage.write_array(stages.file(work, kind, number), rows)


def _sign_second(
  work: Path, group: tuple[int, Iterable[bytes]]
) -> Iterator[tuple[int, tuple[bytes, bytes]]]:
  number, packed = group
  rows = dedup.unique(_joined(packed, dedup.PAIR))
  signed = stages.signature_ends(work, number, rows["high"])
  owner = dedup.part_of(rows["low"])
  for first in np.unique(owner).tolist():
    yield first, (rows[owner == first].tobytes(), signed[owner == first].tobytes())


def _alike(
  work: Path, kind: str, group: tuple[int, Iterable[tuple[bytes, bytes]]], threshold: float
) -> None:
  number, packed = group
  rows, second = zip(*packed, strict=True)
  found = _joined(rows, dedup.PAIR)
  mine = stages.signature_ends(work, number, found["low"])
  theirs = np.frombuffer(b"".join(second), np.uint16).reshape(mine.shape)
  kept = dedup.unique(found[dedup.alike(mine, theirs, threshold)])
  storage.write_array(stages.file(work, kind, number), kept)


def _components(runner: Runner, count: int, work: Path) -> int:
  """Rounds of stars, each from the files of the last one, until two of them are the same."""
  before = _digest(work, 0, count)
  for rounds in range(1, MOST_ROUNDS + 1):
    runner.run(functools.partial(_round, count=count, work=work, number=rounds))
    after = _digest(work, rounds, count)
    if after == before:
      return rounds
    before = after
  raise RuntimeError(f"components are not found in {MOST_ROUNDS} rounds")


def _digest(work: Path, number: int, count: int) -> tuple[int, int]:
  """How many pairs there are, and a sum that tells two sets of them apart."""
  size = total = 0
  for rows in (_pairs(work, f"pairs-{number}", part) for part in range(count)):
    size += len(rows)
    total += int(words.mixed(words.mixed(rows["low"]) ^ rows["high"]).sum()) if len(rows) else 0
  return size, total % 2**64


def _pairs(work: Path, kind: str, part: int) -> np.ndarray:
  path = stages.file(work, kind, part)
  return storage.read_array(path) if path.exists() else np.zeros(0, dedup.PAIR)


def _round(pipeline: beam.Pipeline, *, count: int, work: Path, number: int) -> None:
  _ = (
    pipeline
    | beam.Create(range(count))
    | beam.FlatMap(lambda part: _both_ways(_pairs(work, f"pairs-{number - 1}", part)))
    | "by either" >> beam.GroupByKey()
    | "large star" >> beam.FlatMap(lambda kv: _to_parts(_large(kv)))
    | "by high" >> beam.GroupByKey()
    | "small star"
    >> beam.FlatMap(
      lambda kv: _to_parts(dedup.small_star(dedup.unique(_joined(kv[1], dedup.PAIR))))
    )
    | "by high again" >> beam.GroupByKey()
    | beam.Map(lambda kv: _write(work, f"pairs-{number}", kv))
  )


def _both_ways(rows: np.ndarray) -> Iterator[tuple[int, tuple[bytes, bytes]]]:
  for field in ("low", "high"):
    owner = dedup.part_of(rows[field])
    for number in np.unique(owner).tolist():
      mine = rows[owner == number]
      yield number, (mine.tobytes(), mine[field].tobytes())


def _large(group: tuple[int, Iterable[tuple[bytes, bytes]]]) -> np.ndarray:
  rows, owners = zip(*group[1], strict=True)
  return dedup.large_star(_joined(rows, dedup.PAIR), _joined(owners, np.dtype("<u8")))
