"""Orbax casts without a word, and weights that were rounded once look like any others."""

import pathlib

import jax
import orbax.checkpoint as ocp

from codegen_jax.errors import InputError
from codegen_jax.types import PyTree


def refuse_other_types(folder: pathlib.Path, step: int, item: str, abstract: PyTree) -> None:
  """Raises InputError if an array of a step was saved in another type than is asked for."""
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
