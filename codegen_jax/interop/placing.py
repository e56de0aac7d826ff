"""Tensors on disk as weights on a mesh, of which the host holds one layer's part at a time."""

from collections.abc import Callable
import functools

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec
import numpy as np

from codegen_jax.interop.layouts import Index, Origin
from codegen_jax.interop.tensors import Tensors
from codegen_jax.types import Array


def place(
  origin: Origin,
  leaf: jax.ShapeDtypeStruct,
  tensors: Tensors,
  *,
  placed: Callable[[], None],
) -> Array:
  """A weight where the mesh wants it, in the type that is asked for.

  A stack is made of zeros, and a layer at a time is read and written into it in its place:

      tensor of layer i   ->  each device's part of it   ->  stack[i]
      on disk                 on the host, and then there     there

  Args:
    origin: of the weight.
    leaf: its shape, type and place.
    tensors: of theirs.
    placed: called for each tensor.
  """
  if not origin.of_layers:
    whole = _one(origin, origin.tensor, leaf, tensors)
    placed()
    return whole
  spec = leaf.sharding.spec
  layer_place = NamedSharding(leaf.sharding.mesh, PartitionSpec(*spec[1:]))
  layer = jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype, sharding=layer_place)
  stack = jax.jit(
    functools.partial(jnp.zeros, leaf.shape, leaf.dtype), out_shardings=leaf.sharding
  )()
  put = jax.jit(
    lambda stack, one, i: jax.lax.dynamic_update_index_in_dim(stack, one, i, 0),
    donate_argnums=0,
    out_shardings=leaf.sharding,
  )
  for i, name in enumerate(origin.tensors(leaf.shape[0])):
    # Waited for, since layers that are read faster than they are placed would pile up.
    stack = jax.block_until_ready(put(stack, _one(origin, name, layer, tensors), i))
    placed()
  return stack


def _one(origin: Origin, name: str, leaf: jax.ShapeDtypeStruct, tensors: Tensors) -> Array:
  with tensors.view(name) as view:

    def read(index: Index | None) -> np.ndarray:
      index = (slice(None),) * len(leaf.shape) if index is None else index
      # A copy: jax may keep the memory that it is given, and this is the file's.
      return np.array(origin.layout.read(view, index), leaf.dtype, order="C")

    return jax.block_until_ready(jax.make_array_from_callback(leaf.shape, leaf.sharding, read))
