"""A run's state and its place in the data, saved and restored together (Orbax)."""

import pathlib
from typing import Any

import jax
import orbax.checkpoint as ocp

from codegen_jax.errors import InputError
from codegen_jax.types import Params, PyTree

ITEMS = ("params", "opt_state", "data")


class Checkpoints:
  """The folder `checkpoints/<step>/` of one run.

  Parameters are an item of their own, so that evaluation reads them without the optimizer's.  A
  step appears under its number only when all of it is on disk.
  """

  def __init__(self, folder: pathlib.Path, *, keep: int):
    preserve = ocp.checkpoint_managers.preservation_policy.LatestN(keep)
    options = ocp.CheckpointManagerOptions(
      # The loop decides when to save; Orbax's default also saves whatever comes first.
      save_decision_policy=ocp.checkpoint_managers.save_decision_policy.AnySavePolicy([]),
      preservation_policy=preserve,
      cleanup_tmp_directories=True,
      enable_async_checkpointing=True,
    )
    self.folder = folder
    self._manager = ocp.CheckpointManager(folder.absolute(), item_names=ITEMS, options=options)

  def latest_step(self) -> int | None:
    return self._manager.latest_step()

  def save(self, step: int, *, params: Params, opt_state: PyTree, data: dict[str, Any]) -> None:
    """Copies the arrays off the devices and returns; files are written in the background.

    An error of the save before this one is raised here.
    """
    self._manager.wait_until_finished()
    if step == self.latest_step():
      return
    saved = self._manager.save(
      step,
      args=ocp.args.Composite(
        params=ocp.args.StandardSave(params),
        opt_state=ocp.args.StandardSave(opt_state),
        data=ocp.args.JsonSave(data),
      ),
      force=True,
    )
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
      _refuse_other_types(self.folder, step, name, wanted)
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
    self._manager.wait_until_finished()

  def close(self) -> None:
    self._manager.close()


def restore_params(folder: pathlib.Path, abstract: Params) -> tuple[int, Params]:
  """The newest step of a run and its parameters.

  Raises:
    InputError: the folder holds no checkpoint, or one of another architecture.
  """
  with ocp.CheckpointManager(
    folder.absolute(),
    options=ocp.CheckpointManagerOptions(read_only=True),
    item_handlers={"params": ocp.StandardCheckpointHandler()},
  ) as manager:
    step = manager.latest_step() if folder.is_dir() else None
    if step is None:
      raise InputError(f"there is no checkpoint in {folder}; train first, or give another workdir")
    # Compared first: when Orbax itself meets a wrong shape, its other reads fail over many pages.
    stored, wanted = _shapes(manager.item_metadata(step)["params"].tree), _shapes(abstract)
    for name in sorted(stored.keys() | wanted.keys()):
      if stored.get(name) != wanted.get(name):
        raise InputError(
          f"step {step} of {folder} does not hold this model (params{name} is"
          f" {stored.get(name, 'missing')} there and {wanted.get(name, 'missing')} here); give the"
          " gin file that trained it"
        )
    _refuse_other_types(folder, step, "params", abstract)
    args = ocp.args.Composite(params=ocp.args.StandardRestore(abstract))
    return step, manager.restore(step, args=args)["params"]


def _refuse_other_types(folder: pathlib.Path, step: int, item: str, abstract: PyTree) -> None:
  """Orbax casts without a word, and weights that were rounded once look like any others."""
  path = folder.absolute() / str(step) / item
  stored, wanted = _types(ocp.StandardCheckpointHandler().metadata(path).tree), _types(abstract)
  for name in sorted(stored.keys() & wanted.keys()):
    if stored[name] != wanted[name]:
      raise InputError(
        f"step {step} of {folder} holds {item}/{name} in {stored[name]}, and {wanted[name]} is"
        " asked for; give the types that it was trained with (param_dtype, first_moment_dtype)"
      )


def _types(tree: PyTree) -> dict[str, str]:
  """{"head/bias": "float32", ...}; Orbax keeps an optimizer's tuples as lists and dicts."""
  leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
  return {
    jax.tree_util.keystr(path, simple=True, separator="/"): str(leaf.dtype) for path, leaf in leaves
  }


def _shapes(tree: PyTree) -> dict[str, tuple[int, ...]]:
  """{"['head']['bias']": (100,), ...}"""
  leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
  return {jax.tree_util.keystr(path): tuple(leaf.shape) for path, leaf in leaves}
