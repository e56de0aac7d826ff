"""The parameters of a run, read by somebody else than the run: nothing there is changed."""

import pathlib

import jax
import orbax.checkpoint as ocp

from codegen_jax.checkpoint import manifest
from codegen_jax.checkpoint.dtypes import refuse_other_types
from codegen_jax.checkpoint.steps import steps
from codegen_jax.errors import InputError
from codegen_jax.types import Params, PyTree


def restore_params(
  folder: pathlib.Path, abstract: Params, step: int | None = None
) -> tuple[int, Params]:
  """A step of a run, the newest unless one is named, and its parameters.

  Raises:
    InputError: the folder holds no such checkpoint, a damaged one, or one of another architecture.
  """
  there = steps(folder)
  if not there:
    raise InputError(f"there is no checkpoint in {folder}; train first, or give another workdir")
  if step is not None and step not in there:
    raise InputError(
      f"there is no step {step} in {folder}; there are {', '.join(map(str, sorted(there)))}"
    )
  step = max(there) if step is None else step
  where = folder / str(step)
  if found := manifest.faults(where, part=jax.process_index(), of=jax.process_count()):
    raise InputError(
      f"step {step} of {folder} is damaged: {'; '.join(found[:3])}; `train` sets it aside and goes"
      " on from the one before it"
    )
  with ocp.CheckpointManager(
    folder.absolute(),
    options=ocp.CheckpointManagerOptions(read_only=True),
    item_handlers={"params": ocp.StandardCheckpointHandler()},
  ) as manager:
    # Compared first: when Orbax itself meets a wrong shape, its other reads fail over many pages.
    stored, wanted = _shapes(manager.item_metadata(step)["params"].tree), _shapes(abstract)
    for name in sorted(stored.keys() | wanted.keys()):
      if stored.get(name) != wanted.get(name):
        raise InputError(
          f"step {step} of {folder} does not hold this model (params{name} is"
          f" {stored.get(name, 'missing')} there and {wanted.get(name, 'missing')} here); give the"
          " gin file that trained it"
        )
    refuse_other_types(folder, step, "params", abstract)
    args = ocp.args.Composite(params=ocp.args.StandardRestore(abstract))
    return step, manager.restore(step, args=args)["params"]


def _shapes(tree: PyTree) -> dict[str, tuple[int, ...]]:
  """{"['head']['bias']": (100,), ...}"""
  leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
  return {jax.tree_util.keystr(path): tuple(leaf.shape) for path, leaf in leaves}
