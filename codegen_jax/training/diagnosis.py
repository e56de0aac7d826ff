"""What a batch was made of, and where its gradient broke: for whoever finds a run stopped.

diagnosis/step_00000120.json   {"step": 120, "why": ..., "documents": {"959": ["a.py", ...], ...},
                                "grad_norms": {"blocks/mlp/in/kernel": ["0.1", "nan", ...], ...}}
"""

from collections.abc import Callable
import functools
import pathlib
from typing import Any

from flax import traverse_util
import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from codegen_jax import partitioning
from codegen_jax.data import pipeline
from codegen_jax.files import write_json
from codegen_jax.training.config import TrainConfig
from codegen_jax.training.program import Program
from codegen_jax.training.step import make_gradient
from codegen_jax.types import Batch, Metrics, Params

FOLDER = "diagnosis"


def write(workdir: pathlib.Path, reader: pipeline.Reader, step: int, **told: Any) -> pathlib.Path:
  """Writes what is told of a step, and the documents of its rows; the path.

  Rows are named by their index in the endless mixture, as `Reader.inspect` takes it.
  """
  size = reader.config.batch_size
  rows = range((step - 1) * size, step * size)
  documents = {str(row): list(reader.inspect(row).paths) for row in rows}
  path = workdir / FOLDER / f"step_{step:08}.json"
  path.parent.mkdir(exist_ok=True)
  write_json(path, {"step": step, **told, "documents": documents})
  return path


def gradient_norms(
  config: TrainConfig, program: Program, mesh: Mesh, params: Params, batch: Batch
) -> dict[str, list[str]]:
  """The norm of each weight's gradient, layer by layer; every process of a run has to ask.

  Args:
    config: of the run.
    program: of the run.
    mesh: where its arrays live.
    params: of the model.
    batch: arrays of shape [B, L], on the mesh.

  Returns:
    {"blocks/mlp/in/kernel": one number a layer, "head/bias": one number, ...}, as text, since JSON
    has no NaN.
  """
  measure = jax.jit(_make_norms(config, program), out_shardings=partitioning.replicated(mesh))
  with partitioning.on(mesh, config.partitioning.rules):
    norms = measure(params, batch)
  named = traverse_util.flatten_dict(jax.device_get(norms), sep="/")
  return {name: [f"{norm:.6g}" for norm in layers] for name, layers in named.items()}


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
