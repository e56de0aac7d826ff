"""What a training step reads and writes, and how it first comes to be."""

import dataclasses

from flax import linen as nn
import flax.struct
import jax
import jax.numpy as jnp
from jax.sharding import Mesh
import optax

from codegen_jax import partitioning
from codegen_jax.models import masks
from codegen_jax.models.transformer import Transformer
from codegen_jax.types import Params, PyTree


@flax.struct.dataclass
class TrainState:
  """Arrays only; the functions that use them are made by the loop."""

  # Int[Array, ""], the updates made so far.  Not checked, because a state is also mapped to a tree
  # of shapes or of places, and jaxtyping looks at those too.
  step: PyTree
  params: Params
  opt_state: PyTree


def init(model: Transformer, optimizer: optax.GradientTransformation, key: jax.Array) -> TrainState:
  """A new state whose weights still carry their axis names.  Pure: trace it for shapes."""
  boxed = init_params(model, key)
  return TrainState(jnp.zeros((), jnp.int32), boxed, optimizer.init(boxed))


def init_params(model: Transformer, key: jax.Array) -> Params:
  """New weights, each in a box (`nn.LogicallyPartitioned`) with the names of its axes."""
  one = jnp.ones((1, 2), jnp.int32)
  # One row cannot be shared by the devices of a mesh, as a kernel for one device would ask.
  model = Transformer(dataclasses.replace(model.config, attention_kernel="reference"))
  return model.init(key, one, mask=masks.AttentionMask(one, one))["params"]


def abstract(model: Transformer, optimizer: optax.GradientTransformation, mesh: Mesh) -> TrainState:
  """The shape, type and place of every array of a state; nothing is allocated."""
  boxed = jax.eval_shape(lambda: init(model, optimizer, jax.random.key(0)))
  places = partitioning.state_sharding(boxed, mesh)
  return jax.tree.map(
    lambda leaf, place: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place),
    nn.unbox(boxed),
    places,
  )


def create(
  model: Transformer, optimizer: optax.GradientTransformation, mesh: Mesh, seed: int
) -> TrainState:
  """A new state, each array born where it lives; the same numbers on every mesh."""
  places = jax.tree.map(lambda leaf: leaf.sharding, abstract(model, optimizer, mesh))
  with partitioning.on(mesh):
    make = jax.jit(lambda key: nn.unbox(init(model, optimizer, key)), out_shardings=places)
    return make(jax.random.key(seed))


def num_params(state: TrainState) -> int:
  return sum(leaf.size for leaf in jax.tree.leaves(state.params))
