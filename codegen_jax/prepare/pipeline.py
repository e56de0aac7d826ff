"""The stages on Apache Beam: its runner shares out parts, groups hashes and pairs, no more.

  read       part -> texts, hashes, signatures                          one worker a part
  copies     hashes by value -> copies                                              GroupByKey
             bands by value -> pairs -> those alike, some bands at a time           GroupByKey
  stars      pairs -> components, a round at a time until nothing changes           GroupByKey
  tokenise   part -> records by shard                                   one worker a part
  write      shard <- its range of every part                           one worker a shard

Texts and tokens stay in files: what goes through a runner's memory is 16 bytes for each band of a
document.  Beam is imported here and in worker.py alone.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
import dataclasses
import functools
import logging
import re
import shlex
import sys
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import fn_runner
from apache_beam.transforms.environments import SubprocessSDKEnvironment
import numpy as np

from codegen_jax.errors import InputError
from codegen_jax.prepare import dedup, progress, stages, storage, write
from codegen_jax.prepare.minhash import NearDuplicates
from codegen_jax.prepare.settings import PrepareConfig
from codegen_jax.prepare.storage import Path

PARTS_IN_A_SHARE = 16  # of hashes; as many shares as parts would be elements by their square
HASHES_AT_ONCE = 400_000  # of bands, where the runner is this machine: 6 MB, held several times
_WORKER = SubprocessSDKEnvironment.from_command_string(
  f"{shlex.quote(sys.executable)} -m codegen_jax.prepare.worker"
)
MOST_ROUNDS = 40  # of stars; log^2 of the longest chain is enough, and 40 has never been seen


@dataclasses.dataclass(frozen=True)
class Runner:
  """Beam's own flags, and how many processes share the heavy stages here."""

  flags: tuple[str, ...] = ()
  workers: int = 1

  @property
  def is_here(self) -> bool:
    return not any(flag.startswith("--runner") for flag in self.flags)

  def run(self, build: Callable[[beam.Pipeline], Any], *, heavy: bool = False) -> None:
    runner, flags = None, list(self.flags)
    if self.is_here:
      logging.getLogger("apache_beam").setLevel(logging.CRITICAL)  # errors are raised, too
      runner = fn_runner.FnApiRunner(_WORKER if heavy and self.workers > 1 else None)
      flags += [f"--direct_num_workers={self.workers}"] if heavy else []
    try:
      with beam.Pipeline(runner, options=PipelineOptions(flags)) as pipeline:
        build(pipeline)
    except RuntimeError as error:
      raise _again(error) from error


def _again(error: RuntimeError) -> Exception:
  """A runner tells as text what failed in a worker; of what a user can act on the error is made."""
  text = str(error)
  if told := re.search(r"InputError: (.*?)(?: \[while running|$)", text, re.M):
    return InputError(told[1])
  if told := re.search(r"OSError: \[Errno (\d+)\] (.*?)(?: \[while running|$)", text, re.M):
    return OSError(int(told[1]), told[2])
  return error


class _Counted(beam.DoFn):
  """Calls a function of an element, and counts what its tally says for the runner's own display."""

  def __init__(self, function: Callable[..., dict[str, Any]]):
    self._function = function

  def process(self, element: Any) -> Iterator[Any]:
    told = self._function(element)
    for reason, count in told.get("dropped", {}).items():
      beam.metrics.Metrics.counter("dropped", reason).inc(count)
    beam.metrics.Metrics.counter("documents", "kept").inc(told.get("kept", 0))
    yield told


def _each(function: Callable[..., Any], elements: Sequence[Any]) -> Callable[[beam.Pipeline], Any]:
  def build(pipeline: beam.Pipeline) -> Any:
    return (
      pipeline
      | beam.Create(list(elements), reshuffle=True)
      | beam.ParDo(_Counted(function))
    )  # fmt: skip

  return build


def read_all(runner: Runner, count: int, config: PrepareConfig, work: Path) -> None:
  function = functools.partial(stages.read_part, config=config, work=work)
  files = {stages.file(work, "tally", number, "json"): number for number in range(count)}
  _make(runner, "read", files, function, heavy=True)


def _make(
  runner: Runner,
  stage: str,
  files: Mapping[Path, Any],
  function: Callable[..., Any],
  *,
  heavy: bool,
) -> None:
  """Calls the function of everything whose file is not there yet."""
  left = {file: element for file, element in files.items() if not file.exists()}
  if left:
    with progress.told(f"prepare: {stage}", [*left]):
      runner.run(_each(function, [*left.values()]), heavy=heavy)


def tokenise_all(
  runner: Runner, count: int, config: PrepareConfig, work: Path, how: stages.Tokenising
) -> None:
  function = functools.partial(stages.tokenise_part, config=config, work=work, how=how)
  files = {stages.file(work, how.folder, number, "json"): number for number in range(count)}
  _make(runner, "tokenise", files, function, heavy=True)


def write_all(
  runner: Runner, count: int, work: Path, how: stages.Tokenising, outs: Sequence[Path], group: int
) -> list[dict[str, Any]]:
  """What is said of each shard."""
  said = [work / how.folder / f"{out.name}.json" for out in outs]
  for out, path in zip(outs, said, strict=True):
    if not out.exists():
      path.unlink(missing_ok=True)
  function = functools.partial(
    _write_one, count=count, work=work, how=how, outs=list(outs), group=group
  )
  _make(runner, "write", dict(zip(said, range(len(outs)), strict=True)), function, heavy=False)
  return [storage.read_json(path) for path in said]


def _write_one(
  shard: int, *, count: int, work: Path, how: stages.Tokenising, outs: list[Path], group: int
) -> dict[str, Any]:
  parts = [stages.file(work, how.folder, number, "bin") for number in range(count)]
  told = write.write_shard(outs[shard], parts, shard, group)
  storage.write_json(work / how.folder / f"{outs[shard].name}.json", told)
  return told


def copies(runner: Runner, count: int, documents: int, config: PrepareConfig, work: Path) -> None:
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
  from codegen_jax.prepare import words

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
