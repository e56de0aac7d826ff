"""Our training step, made and fed as `training/loop.py` does."""

from collections.abc import Callable

import jax

from benchmarks.steps import shapes
from benchmarks.steps.shapes import Shape
from codegen_jax import partitioning
from codegen_jax.data.pipeline import DataConfig
from codegen_jax.partitioning import PartitioningConfig
from codegen_jax.training import cpu_memory
from codegen_jax.training import program as training_program
from codegen_jax.training import state as train_state
from codegen_jax.training.config import TrainConfig
from codegen_jax.training.optimizer import OptimizerConfig
from codegen_jax.training.state import TrainState
from codegen_jax.types import Params


def make(shape: Shape, params: Params = None) -> Callable[[int], float]:
  """A function that makes so many updates, and says the loss before the last.

  Args:
    shape: what is trained.
    params: what it starts from; new weights where there are none.
  """
  cpu_memory.keep(shape.config.num_params)
  mesh = partitioning.make_mesh(PartitioningConfig(data=1))
  program = training_program.make_program(_config(shape), mesh)
  state = train_state.create(program.model, program.optimizer, mesh, seed=0)
  if params is not None:
    state = TrainState(state.step, jax.tree.map(jax.numpy.array, params), state.opt_state)
  size, batches = (shape.batch_size, shape.seq_len), shapes.batches(shape)

  def steps(number: int) -> float:
    nonlocal state
    with partitioning.on(mesh):
      for _ in range(number):
        batch = jax.tree.map(
          lambda x: jax.make_array_from_process_local_data(program.rows, x, size), next(batches)
        )
        state, metrics = program.step(state, batch)
      return float(metrics["loss"])

  return steps


def _config(shape: Shape) -> TrainConfig:
  return TrainConfig(
    model=shape.config,
    data=DataConfig("none", shape.seq_len, shape.batch_size),
    optimizer=OptimizerConfig(
      peak_learning_rate=shapes.RATE, end_learning_rate=shapes.RATE, warmup_steps=0, anneal_steps=1,
      b1=shapes.BETAS[0], b2=shapes.BETAS[1], epsilon=shapes.EPSILON, clip_norm=shapes.CLIP_NORM,
      weight_decay=shapes.WEIGHT_DECAY, weight_decay_mask="matrices",
    ),
    attention="causal",
    total_steps=1,
    loss_chunks=shape.loss_chunks,
  )  # fmt: skip
