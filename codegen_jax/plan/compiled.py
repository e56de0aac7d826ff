"""A run's own training step, compiled for a pod that is not there, and the memory it takes."""

import dataclasses
import math
import re
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec
import optax

from codegen_jax import partitioning
from codegen_jax.errors import InputError
from codegen_jax.inference import decoding
from codegen_jax.models.transformer import Transformer
from codegen_jax.plan import hlo
from codegen_jax.plan.topology import Topology, describe
from codegen_jax.training import state as train_state
from codegen_jax.training.config import TrainConfig
from codegen_jax.training.program import make_program
from codegen_jax.types import PyTree


@dataclasses.dataclass(frozen=True)
class Memory:
  """Bytes of one chip.

  Attributes:
    held: what a step is given, by name: parameters, optimizer, batch, or for a decoded token the
      cache.
    activations: what the forward pass keeps for the backward pass; None where it does not fit and
      there is no program to be read.
    temporaries: all else that a step holds at once; None likewise.
    total: all of these.
    available: what a program may use.
  """

  held: dict[str, int]
  activations: float | None
  temporaries: float | None
  total: float
  available: float

  @property
  def fits(self) -> bool:
    return self.total <= self.available


@dataclasses.dataclass(frozen=True)
class Compiled:
  """A compiled step: its memory, and its text, which is None where it does not fit."""

  memory: Memory
  mesh: dict[str, int]
  text: str | None


def compile_train_step(config: TrainConfig, topology: Topology) -> Compiled:
  """Compiles exactly what `train` would run there.

  Raises:
    InputError: there is no libtpu, the mesh does not fit the topology or the model, or the compiler
      does not know one of its options.
  """
  mesh = partitioning.make_mesh(config.partitioning, describe(topology))
  program = make_program(config, mesh)
  held = {
    "parameters": local_bytes(program.state.params),
    "optimizer": local_bytes((program.state.step, program.state.opt_state)),
    "batch": local_bytes(program.batch),
  }
  with partitioning.on(mesh, config.partitioning.rules):
    return _compile(program.step.lower(program.state, program.batch), topology, mesh, held)


def compile_decode_step(config: TrainConfig, topology: Topology, *, rows: int) -> Compiled:
  """Compiles one decoded token for each of `rows` rows, whose caches have room for `seq_len`.

  Weights are held in the type that the network computes in.

  Raises:
    InputError: as above, or the mesh does not divide the rows.
  """
  mesh = partitioning.make_mesh(config.partitioning, describe(topology))
  model = Transformer(dataclasses.replace(config.model, param_dtype=config.model.dtype))
  params = train_state.abstract(model, optax.identity(), mesh).params
  cache = decoding.abstract_cache(config.model, rows, config.data.seq_len, mesh)
  places = partitioning.batch_sharding(mesh, rows)
  of_rows = NamedSharding(mesh, PartitionSpec(places.spec[0]))
  ints = jax.ShapeDtypeStruct((rows,), jnp.int32, sharding=of_rows)
  held = {"parameters": local_bytes(params), "cache": local_bytes(cache)}
  options = dict(option.split("=", 1) for option in config.compiler_options) or None
  step = jax.jit(decoding.make_decode_step(model), donate_argnums=1, compiler_options=options)
  with partitioning.on(mesh, config.partitioning.rules):
    return _compile(step.lower(params, cache, ints, ints), topology, mesh, held)


def _compile(lowered: Any, topology: Topology, mesh: Mesh, held: dict[str, int]) -> Compiled:
  available = topology.chip.memory
  try:
    compiled = lowered.compile()
  except jax.errors.JaxRuntimeError as error:
    if option := re.search(r"No such compile option: '?([\w.]+)", str(error)):
      raise InputError(
        f"XLA knows no compiler option {option[1]} for {topology}; see COMPILER_OPTIONS in"
        " gin_configs/hardware"
      ) from error
    total = needed_bytes(str(error))
    if total is None:
      raise
    return Compiled(Memory(held, None, None, total, available), dict(mesh.shape), None)
  analysis = compiled.memory_analysis()
  text = compiled.as_text()
  # What a step is given it may write its results over; the rest of them is held beside.
  beside = analysis.output_size_in_bytes - analysis.alias_size_in_bytes
  own = analysis.temp_size_in_bytes + beside
  kept = min(kept_bytes(text), own)
  memory = Memory(held, kept, own - kept, analysis.argument_size_in_bytes + own, available)
  return Compiled(memory, dict(mesh.shape), text)


def local_bytes(tree: PyTree) -> int:
  """Of what one device holds of arrays whose places are known."""
  return sum(
    math.prod(leaf.sharding.shard_shape(leaf.shape)) * leaf.dtype.itemsize
    for leaf in jax.tree.leaves(tree)
  )


def kept_bytes(text: str) -> float:
  """Of the stacks, one slice a layer, that the forward pass writes and the backward pass reads."""
  module, total = hlo.parse(text), 0.0
  for computation in module.computations.values():
    for instruction in computation.values():
      name = instruction.attribute(r'op_name="([^"]+)"') or ""
      is_forward = "jvp(Transformer)" in name and "transpose(" not in name
      if instruction.opcode == "dynamic-update-slice" and is_forward:
        total += instruction.num_bytes
  return total


def needed_bytes(message: str) -> float | None:
  """What the compiler says a program needs that does not fit; None where it says something else."""
  number = r"([\d.]+)([KMGT])"
  patterns = (
    rf"Used {number} of [\d.]+[KMGT] hbm",
    rf"total memory required for [\w ]+\({number}\) exceeds",
  )
  for pattern in patterns:
    if match := re.search(pattern, message):
      return float(match[1]) * 2 ** (10 * (1 + "KMGT".index(match[2])))
  return None
