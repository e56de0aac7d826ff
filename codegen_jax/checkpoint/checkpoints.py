"""A run's state and its place in the data, saved and restored together (Orbax)."""

import errno
import json
import math
import pathlib
import sys
from typing import Any

import jax
import orbax.checkpoint as ocp

from codegen_jax.checkpoint import manifest, quarantine
from codegen_jax.checkpoint.dtypes import refuse_other_types
from codegen_jax.checkpoint.retention import Retention
from codegen_jax.checkpoint.steps import steps
from codegen_jax.errors import InputError
from codegen_jax.types import Params, PyTree

ITEMS = ("params", "opt_state", "data")
DRAFT = ".orbax-checkpoint-tmp"
SCORE = "score"  # of a step, lower is better, in its data

# What a full or a broken disk is called by the libraries that write to it.
DISK = (
  (errno.ENOSPC, "No space left on device"),
  (errno.EDQUOT, "Disk quota exceeded"),
  (errno.EROFS, "Read-only file system"),
  (errno.EACCES, "Permission denied"),
  (errno.EIO, "Input/output error"),
)


class Checkpoints:
  """The folder `checkpoints/<step>/` of one run, open for writing.

  Parameters are an item of their own, so that evaluation reads them without the optimizer's.  A
  step appears under its number only when all of it, and the hashes of its files, are on disk.

  Attributes:
    newest: the newest step that is as it was written when the folder was opened, or None.  Those
      after it are in `.quarantine` now.

  Raises:
    InputError: all that there was is damaged.
  """

  def __init__(self, folder: pathlib.Path, *, retention: Retention):
    self.folder = folder.absolute()
    self.newest = quarantine.newest_good(self.folder)
    _say_what_is_unfinished(self.folder)
    self._saving: int | None = None
    self._scores = {step: _score(self.folder, step) for step in steps(self.folder)}
    policies = ocp.checkpoint_managers
    options = ocp.CheckpointManagerOptions(
      # The loop decides when to save; Orbax's default also saves whatever comes first.
      save_decision_policy=policies.save_decision_policy.AnySavePolicy([]),
      preservation_policy=retention.policy(self._scores),
      cleanup_tmp_directories=True,
      enable_async_checkpointing=True,
      # In process 0 alone, after the last byte of all processes and before the step has its name.
      async_options=ocp.AsyncOptions(post_finalization_callback=self._write_manifest),
    )
    self._manager = ocp.CheckpointManager(self.folder, item_names=ITEMS, options=options)

  def save(
    self,
    step: int,
    *,
    params: Params,
    opt_state: PyTree,
    data: dict[str, Any],
    score: float | None = None,
  ) -> None:
    """Copies the arrays off the devices and returns; files are written in the background.

    Args:
      step: of the run.
      params: of the model.
      opt_state: all else that a run needs to go on.
      data: its place in the data, as JSON has it.
      score: lower is better; for a retention that keeps the best.

    Raises:
      InputError: the disk took this step, or the one before it, not.
    """
    self.wait()
    if step == self._manager.latest_step():
      return
    if score is not None:
      self._scores[step] = score
      data = {**data, SCORE: score}
    self._saving = step
    try:
      saved = self._manager.save(
        step,
        args=ocp.args.Composite(
          params=ocp.args.StandardSave(params),
          opt_state=ocp.args.StandardSave(opt_state),
          data=ocp.args.JsonSave(data),
        ),
        force=True,
      )
    except Exception as error:
      raise self._told(error) from error
    if not saved:
      raise RuntimeError(
        f"the checkpoint of step {step} was refused; {self.folder} holds a later one"
      )

  def restore(
    self, step: int, *, params: Params, opt_state: PyTree
  ) -> tuple[Params, PyTree, dict[str, Any]]:
    """Reads a step onto whatever mesh the abstract arrays name, whichever mesh wrote it.

    Raises:
      InputError: an array was saved in another type.
    """
    for name, wanted in {"params": params, "opt_state": opt_state}.items():
      refuse_other_types(self.folder, step, name, wanted)
    restored = self._manager.restore(
      step,
      args=ocp.args.Composite(
        params=ocp.args.StandardRestore(params),
        opt_state=ocp.args.StandardRestore(opt_state),
        data=ocp.args.JsonRestore(),
      ),
    )
    return restored["params"], restored["opt_state"], restored["data"]

  def preempted(self, step: int) -> bool:
    """Whether all processes agreed that this is the step to stop after; ask at every step."""
    return self._manager.reached_preemption(step)

  def wait(self) -> None:
    """Until the step that is being written is committed.

    Raises:
      InputError: the disk did not take it.
    """
    try:
      self._manager.wait_until_finished()
    except Exception as error:
      raise self._told(error) from error

  def close(self) -> None:
    """Waits, too."""
    try:
      self._manager.close()
    except Exception as error:
      raise self._told(error) from error

  def _write_manifest(self) -> None:
    draft = self.folder / f"{self._saving}{DRAFT}"
    manifest.write(draft if draft.is_dir() else self.folder / str(self._saving))

  def _told(self, error: Exception) -> Exception:
    """The error, as a sentence where the disk is to blame.

    Orbax raises what its threads met: an OSError, tensorstore's ValueError, a bare Exception.  So
    its callers catch all, and raise again whatever is not the disk's.
    """
    number = error.errno if isinstance(error, OSError) else None
    text = str(error)
    reason = next((said for code, said in DISK if code == number or said in text), None)
    if reason is None and "RESOURCE_EXHAUSTED" not in text:
      return error
    kept = max((s for s in steps(self.folder) if s != self._saving), default=None)
    intact = "there is none before it" if kept is None else f"step {kept} is intact"
    return InputError(
      f"the checkpoint of step {self._saving} cannot be written to {self.folder}"
      f" ({reason or DISK[0][1]}); {intact}: make room, or allow writing, and start again"
    )


def _say_what_is_unfinished(folder: pathlib.Path) -> None:
  """A save that was cut off never was a checkpoint; Orbax deletes what there is of it."""
  if jax.process_index() == 0 and folder.is_dir():
    for draft in folder.glob(f"*{DRAFT}"):
      print(f"{draft} was never finished and is deleted", file=sys.stderr, flush=True)


def _score(folder: pathlib.Path, step: int) -> float:
  """Of a step that may be an old one whose deletion a kill has cut off: nobody verified it."""
  try:
    told = json.loads((folder / str(step) / "data" / "metadata").read_text())
  except (OSError, ValueError):
    return math.inf
  return told.get(SCORE, math.inf)
