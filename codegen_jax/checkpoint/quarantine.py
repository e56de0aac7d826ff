"""The newest step of a run that can be believed; damaged ones are set aside, never deleted.

checkpoints/20   one bit flipped   --->   checkpoints/.quarantine/20
checkpoints/15   as it was written --->   step 15, on every process
"""

import pathlib
import sys

import jax
from jax.experimental import multihost_utils
import numpy as np

from codegen_jax.checkpoint import manifest
from codegen_jax.checkpoint.steps import steps
from codegen_jax.errors import InputError

FOLDER = ".quarantine"


def newest_good(checkpoints: pathlib.Path) -> int | None:
  """Verifies from the newest step on, and moves what is damaged into `.quarantine`.

  Process 0 chooses, all read a share of the files, and all return the same step.

  Raises:
    InputError: there were checkpoints and none of them is good: starting anew in silence would
      throw a run away.
  """
  while True:
    step = _of_process_0(max(steps(checkpoints), default=-1))
    if step < 0:
      _refuse_if_none_is_left(checkpoints)
      return None
    where = checkpoints / str(step)
    found = manifest.faults(where, part=jax.process_index(), of=jax.process_count())
    for fault in found:
      print(f"checkpoint damaged: {fault}", file=sys.stderr, flush=True)
    if not _any(bool(found)):
      return step
    if jax.process_index() == 0:
      kept = _set_aside(where)
      print(f"step {step} is set aside in {kept}", file=sys.stderr, flush=True)


def _set_aside(step: pathlib.Path) -> pathlib.Path:
  folder = step.parent / FOLDER
  folder.mkdir(exist_ok=True)
  names = (f"{step.name}.{n}" if n else step.name for n in range(10**6))
  kept = next(folder / name for name in names if not (folder / name).exists())
  return step.rename(kept)


def _refuse_if_none_is_left(checkpoints: pathlib.Path) -> None:
  folder = checkpoints / FOLDER
  if folder.is_dir() and any(folder.iterdir()):
    raise InputError(
      f"every checkpoint of {checkpoints.parent} is damaged and lies in {folder}; bring one of them"
      " back from a copy, or delete that folder to start anew from step 0"
    )


def _of_process_0(step: int) -> int:
  if jax.process_count() == 1:
    return step
  return int(multihost_utils.broadcast_one_to_all(np.int32(step)))


def _any(damaged: bool) -> bool:
  if jax.process_count() == 1:
    return damaged
  return bool(np.any(multihost_utils.process_allgather(np.array(damaged))))
