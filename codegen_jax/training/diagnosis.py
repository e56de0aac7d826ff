"""What a batch was made of, and where its gradient broke: for whoever finds a run stopped.

diagnosis/step_00000120.json   {"step": 120, "why": ..., "documents": {"959": ["a.py", ...], ...},
                                "grad_norms": {"blocks/mlp/in/kernel": ["0.1", "nan", ...], ...}}
"""

from collections.abc import Callable
import functools
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh
import numpy as np

from codegen_jax import partitioning
from codegen_jax.data import pipeline
from codegen_jax.files import write_json
from codegen_jax.training.config import TrainConfig
from codegen_jax.training.program import Program
from codegen_jax.training.step import make_gradient
from codegen_jax.types import Batch, Metrics, Params

FOLDER = "diagnosis"


def documents(reader: pipeline.Reader, step: int) -> dict[str, list[str]]:
  """The documents of each row that a step reads, by the row's index in the endless mixture."""
  size = reader.config.batch_size
  rows = range((step - 1) * size, step * size)
  return {str(row): list(reader.inspect(row).paths) for row in rows}


def write(workdir: pathlib.Path, step: int, told: dict[str, Any]) -> pathlib.Path:
  """Writes what is known of a step; the path."""
  folder = workdir / FOLDER
  folder.mkdir(exist_ok=True)
  path = folder / f"step_{step:08}.json"
  write_json(path, {"step": step, **told})
  return path


def gradient_norms(
  config: TrainConfig, program: Program, mesh: Mesh, params: Params, batch: Batch
) -> dict[str, list[str]]:
  """The norm of each weight's gradient, layer by layer; every process of a run has to ask.

  Numbers are text, since JSON has no NaN.
  """
  measure = jax.jit(_make_norms(config, program), out_shardings=partitioning.replicated(mesh))
  with partitioning.on(mesh, config.partitioning.rules):
    norms = measure(params, batch)
  leaves, _ = jax.tree_util.tree_flatten_with_path(jax.device_get(norms))
  names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves]
  values = [leaf for _, leaf in leaves]
  return {
    name: [f"{norm:.6g}" for norm in np.ravel(value)]
    for name, value in zip(names, values, strict=True)
  }


def _make_norms(config: TrainConfig, program: Program) -> Callable[[Params, Batch], Any]:
  gradient = make_gradient(
    program.model,
    attention=config.attention,
    z_loss=config.z_loss,
    microbatches=config.microbatches,
    loss_chunks=config.loss_chunks,
  )

  def norms(params: Params, batch: Batch) -> Metrics:
    grads, _ = gradient(params, batch)
    # Blocks are stacked: their first axis is the layer.
    return {
      part: jax.tree.map(functools.partial(_norm, layers=part == "blocks"), tree)
      for part, tree in grads.items()
    }

  return norms


def _norm(leaf: jax.Array, *, layers: bool) -> jax.Array:
  rows = leaf.reshape(leaf.shape[0] if layers else 1, -1).astype(jnp.float32)
  return jnp.sqrt(jnp.sum(jnp.square(rows), axis=1))
