"""Single weights of another run's checkpoint: which leaves it has, and reading some."""

from collections.abc import Mapping
import pathlib
from typing import Any

from flax import traverse_util
import jax
import orbax.checkpoint as ocp

from codegen_jax.training.taken_leaves import Taken
from codegen_jax.types import Array, Params


def named(params: Params) -> dict[str, Any]:
  """{"blocks/mlp/in/kernel": leaf, ...}"""
  return traverse_util.flatten_dict(params, sep="/")


def unnamed(leaves: Mapping[str, Any]) -> Params:
  return traverse_util.unflatten_dict(dict(leaves), sep="/")


def stored(workdir: pathlib.Path, step: int) -> dict[str, jax.ShapeDtypeStruct]:
  """Shape and type of each weight as it was written; no weight is read."""
  tree = ocp.StandardCheckpointHandler().metadata(_params(workdir, step)).tree
  return {name: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for name, leaf in named(tree).items()}


def read(workdir: pathlib.Path, step: int, taken: Mapping[str, Taken]) -> dict[str, Array]:
  """Reads these weights and no others, each process what its devices hold of them.

  They come in the type that they were written in and in the shape of the new run: rows that are too
  many are not read, and those that are missing are zeros.
  """
  if not taken:
    return {}
  args = {
    name: ocp.ArrayRestoreArgs(
      dtype=leaf.there.dtype,
      sharding=leaf.here.sharding,
      global_shape=leaf.here.shape,
      strict=leaf.axis is None,
    )
    for name, leaf in taken.items()
  }
  item = unnamed({name: leaf.there for name, leaf in taken.items()})
  restored = ocp.PyTreeCheckpointHandler().restore(
    _params(workdir, step),
    args=ocp.args.PyTreeRestore(item=item, restore_args=unnamed(args), partial_restore=True),
  )
  return named(restored)


def _params(workdir: pathlib.Path, step: int) -> pathlib.Path:
  return (workdir / "checkpoints" / str(step) / "params").absolute()
