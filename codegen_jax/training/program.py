"""The training step as a program: what it is made of, and where each array of it lives."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding
import optax

from codegen_jax import partitioning
from codegen_jax.models.transformer import Transformer
from codegen_jax.training import state as train_state
from codegen_jax.training.config import TrainConfig
from codegen_jax.training.optimizer import learned, make_optimizer
from codegen_jax.training.state import TrainState
from codegen_jax.training.step import make_train_step
from codegen_jax.types import Batch


@dataclasses.dataclass(frozen=True)
class Program:
  """A training step that is jitted for one mesh.  Call, or lower, it inside `partitioning.on`.

  Attributes:
    step: (state, batch) -> (state, metrics); the state it is given is used up.
    state: shape, type and place of every array of a state; nothing is allocated.
    batch: the same of a batch of all processes together.
    rows: where the rows of a batch live.
  """

  model: Transformer
  optimizer: optax.GradientTransformation
  step: Any
  state: TrainState
  batch: Batch
  rows: NamedSharding


def make_program(config: TrainConfig, mesh: Mesh) -> Program:
  """The one step of a run: `train` takes it, `plan` compiles it for machines that are not there.

  Raises:
    InputError: the mesh divides something that cannot be divided so.
  """
  rows = partitioning.batch_sharding(mesh, config.data.batch_size, microbatches=config.microbatches)
  model, optimizer = Transformer(config.model), make_optimizer(config.optimizer)
  state = train_state.abstract(model, optimizer, mesh)
  step = jax.jit(
    make_train_step(
      model, optimizer, attention=config.attention, z_loss=config.z_loss,
      microbatches=config.microbatches, loss_chunks=config.loss_chunks,
      learned=learned(config.optimizer),
    ),
    donate_argnums=0,
    out_shardings=(jax.tree.map(lambda leaf: leaf.sharding, state), partitioning.replicated(mesh)),
    compiler_options=dict(option.split("=", 1) for option in config.compiler_options) or None,
  )  # fmt: skip

  def place(dtype) -> Any:
    shape = config.data.batch_size, config.data.seq_len
    return jax.ShapeDtypeStruct(shape, dtype, sharding=rows)

  ints, flags = place(jnp.int32), place(jnp.bool_)
  batch = Batch(ints, ints, loss_mask=flags, prefix_mask=flags, segment_ids=ints, positions=ints)
  return Program(model, optimizer, step, state, batch, rows)
