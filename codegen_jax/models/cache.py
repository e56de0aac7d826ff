"""Keys and values that are already computed, so that a new token is read without the old ones."""

import dataclasses
import functools
from typing import Literal

from flax import linen as nn
import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from codegen_jax.models import attention
from codegen_jax.models.attention import Kernel
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.masks import AttentionMask, visible
from codegen_jax.types import Array, PyTree

AXES = {"B": "batch", "S": "length", "N": "heads", "H": "head_dim"}
Order = Literal["BNSH", "SNBH"]  # of the axes of one layer's keys, or values


def order_on(platform: str) -> Order:
  """How a layer lies in memory so that a token is fast.

  A query on a CPU or a GPU reads one head's keys as one matrix.  A TPU's memory has tiles of the
  last two axes: slots there would be written in pieces of a tile, so XLA lays the whole cache out
  anew before each token, and back after it.
  """
  return "SNBH" if platform == "tpu" else "BNSH"


@flax.struct.dataclass
class Cache:
  """Slots that are filled from the left, the same ones in every row.

  A slot is not a position.  Rows of different lengths are padded to one and go on in one slot, each
  at a position of its own; the slots between belong to no document, so nobody reads them.  After
  prompts of three tokens and of one, and two tokens more:

      slots        0 1 2 3 4 5 6      segment_ids  1 1 1 1 1 0 0      positions  0 1 2 3 4 . .
                                                   1 0 0 1 1 0 0                 0 . . 1 2 . .

  So a token is written by one slice for all rows, in place, whatever devices the rows are split
  over.  A cache that is full takes no more: what is read then is NaN.
  """

  # Arrays are not checked, because a cache is also mapped to a tree of shapes or of places.
  keys: PyTree  # Float[Array, "layers B N S H"], or another order; or a tuple of layers
  values: PyTree  # as keys
  segment_ids: PyTree  # Int[Array, "B S"]; 0 is nobody's
  positions: PyTree  # Int[Array, "B S"]
  prefix_mask: PyTree  # Bool[Array, "B S"]
  used: PyTree  # Int[Array, ""], slots that are filled
  layer: PyTree  # Int[Array, ""], whose keys and values come next; None: they are one layer's
  # Known when a program is traced: then new tokens read nothing but each other.
  is_empty: bool = flax.struct.field(pytree_node=False, default=False)
  order: Order = flax.struct.field(pytree_node=False, default="BNSH")


def empty(config: TransformerConfig, batch: int, slots: int, order: Order = "BNSH") -> Cache:
  """Room for `slots` tokens of each of `batch` rows."""
  sizes = {"B": batch, "S": slots, "N": config.num_heads, "H": config.head_dim}
  shape = (config.num_layers, *(sizes[letter] for letter in order))
  facts = (batch, slots)
  nothing = Cache(
    keys=jnp.zeros(shape, config.dtype),
    values=jnp.zeros(shape, config.dtype),
    segment_ids=jnp.zeros(facts, jnp.int32),
    positions=jnp.zeros(facts, jnp.int32),
    prefix_mask=jnp.zeros(facts, bool),
    used=jnp.zeros((), jnp.int32),
    layer=jnp.zeros((), jnp.int32),
    is_empty=True,
    order=order,
  )
  return jax.tree.map(nn.with_logical_constraint, nothing, names(nothing))


def names(cache: Cache) -> Cache:
  """The logical axes of each array."""
  facts = ("batch", "length")
  stack = ("layers", *(AXES[letter] for letter in cache.order))
  return dataclasses.replace(
    cache,
    keys=stack,
    values=stack,
    segment_ids=facts,
    positions=facts,
    prefix_mask=facts,
    used=(),
    layer=(),
  )


def apart(cache: Cache) -> list[Cache]:
  """A cache for each layer, of the same tokens, whose keys and values are its own."""
  if isinstance(cache.keys, tuple):
    stacks = cache.keys, cache.values
  else:
    keys, values = (tuple(stack) for stack in (cache.keys, cache.values))
    stacks = keys, values
  return [
    dataclasses.replace(cache, keys=k, values=v, layer=None) for k, v in zip(*stacks, strict=True)
  ]


def take(cache: Cache, rows: Int[Array, " rows"]) -> Cache:
  """The rows of these numbers, in this order; one row may be taken several times."""
  axis = cache.order.index("B") + (0 if isinstance(cache.keys, tuple) else 1)
  stack = functools.partial(jnp.take, indices=rows, axis=axis)
  facts = functools.partial(jnp.take, indices=rows, axis=0)
  return dataclasses.replace(
    cache,
    keys=jax.tree.map(stack, cache.keys),
    values=jax.tree.map(stack, cache.values),
    segment_ids=facts(cache.segment_ids),
    positions=facts(cache.positions),
    prefix_mask=facts(cache.prefix_mask),
  )


def enter(cache: Cache, mask: AttentionMask) -> Cache:
  """Gives slots to new tokens; their keys and values follow, layer by layer.

  Raises:
    ValueError: there are more tokens than slots.
  """
  length, slots = mask.positions.shape[1], cache.positions.shape[1]
  if length > slots:
    raise ValueError(f"{length} tokens do not fit a cache of {slots} slots; make it longer")

  def write(facts: Array, new: Array) -> Array:
    return jax.lax.dynamic_update_slice(facts, new.astype(facts.dtype), (0, cache.used))

  prefix_mask = jnp.zeros_like(mask.positions) if mask.prefix_mask is None else mask.prefix_mask
  return dataclasses.replace(
    cache,
    segment_ids=write(cache.segment_ids, mask.segment_ids),
    positions=write(cache.positions, mask.positions),
    prefix_mask=write(cache.prefix_mask, prefix_mask),
    layer=jnp.zeros((), jnp.int32),
  )


def leave(cache: Cache, x: Float[Array, "B L D"]) -> tuple[Float[Array, "B L D"], Cache]:
  """After the last layer: the next tokens come behind these."""
  used = cache.used + x.shape[1]
  x = jnp.where(used > cache.positions.shape[1], jnp.nan, x)
  return x, dataclasses.replace(cache, used=used, is_empty=False)


def attend(
  q: Float[Array, "B L N H"],
  k: Float[Array, "B L N H"],
  v: Float[Array, "B L N H"],
  mask: AttentionMask,
  kernel: Kernel,
  cache: Cache,
) -> tuple[Float[Array, "B L N H"], Cache]:
  """What each new token reads in this layer, of the old ones and of the new."""
  order = cache.order

  def write(stack: Array, new: Array) -> Array:
    at = tuple(cache.used if letter == "S" else 0 for letter in order)
    new = jnp.einsum(f"BSNH->{order}", new)
    if cache.layer is None:
      return jax.lax.dynamic_update_slice(stack, new, at)
    return jax.lax.dynamic_update_slice(stack, new[None], (cache.layer, *at))

  written = dataclasses.replace(
    cache,
    keys=write(cache.keys, k),
    values=write(cache.values, v),
    layer=None if cache.layer is None else cache.layer + 1,
  )
  if cache.is_empty:
    return attention.attend(q, k, v, mask, kernel), written
  keys, values = (
    stack
    if cache.layer is None
    else jax.lax.dynamic_index_in_dim(stack, cache.layer, keepdims=False)
    for stack in (written.keys, written.values)
  )
  facts = written.segment_ids, written.positions, written.prefix_mask
  slots = AttentionMask(*(fact[:, None, :] for fact in facts))
  readable = visible(jax.tree.map(lambda fact: fact[:, :, None], mask), slots)
  scores = jnp.einsum(f"BLNH,{order}->BNLS", q, keys, preferred_element_type=jnp.float32)
  scores = jnp.where(readable[:, None], scores * q.shape[-1] ** -0.5, attention.MASKED)
  weights = jax.nn.softmax(scores, axis=-1).astype(v.dtype)
  read = jnp.einsum(f"BNLS,{order}->BLNH", weights, values)
  # Else XLA turns the next weight round, at every token, to read this as the product wrote it.
  return (jax.lax.optimization_barrier(read) if cache.layer is None else read), written
