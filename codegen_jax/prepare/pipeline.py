"""The stages that a worker does alone: a part is read, tokenised, its documents written.

  read       part -> texts, hashes, signatures                          one worker a part
  tokenise   part -> records by shard                                   one worker a part
  write      shard <- its range of every part                           one worker a shard

Between the first two stands `copies`.
"""

from collections.abc import Sequence
import functools
from typing import Any

from codegen_jax.prepare import stages, storage, write
from codegen_jax.prepare.runner import Runner
from codegen_jax.prepare.settings import PrepareConfig
from codegen_jax.prepare.storage import Path


def read_all(runner: Runner, count: int, config: PrepareConfig, work: Path) -> None:
  function = functools.partial(stages.read_part, config=config, work=work)
  files = {stages.file(work, "tally", number, "json"): number for number in range(count)}
  runner.make("read", files, function, heavy=True)


def tokenise_all(
  runner: Runner, count: int, config: PrepareConfig, work: Path, how: stages.Tokenising
) -> None:
  function = functools.partial(stages.tokenise_part, config=config, work=work, how=how)
  files = {stages.file(work, how.folder, number, "json"): number for number in range(count)}
  runner.make("tokenise", files, function, heavy=True)


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
  runner.make("write", dict(zip(said, range(len(outs)), strict=True)), function, heavy=False)
  return [storage.read_json(path) for path in said]


def _write_one(
  shard: int, *, count: int, work: Path, how: stages.Tokenising, outs: list[Path], group: int
) -> dict[str, Any]:
  parts = [stages.file(work, how.folder, number, "bin") for number in range(count)]
  told = write.write_shard(outs[shard], parts, shard, group)
  storage.write_json(work / how.folder / f"{outs[shard].name}.json", told)
  return told
