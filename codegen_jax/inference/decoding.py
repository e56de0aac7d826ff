"""One prompt, then one token at a time, as pure functions of weights and a cache."""

from collections.abc import Callable
import dataclasses
from typing import Any

from flax import linen as nn
import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from jaxtyping import Float, Int

from codegen_jax import partitioning
from codegen_jax.models import cache as kv_cache
from codegen_jax.models.cache import Cache, Order
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.head import head_logits
from codegen_jax.models.layers_apart import LayersApart
from codegen_jax.models.masks import Attention, AttentionMask
from codegen_jax.models.transformer import Transformer
from codegen_jax.types import Array, Params

Logits = Float[Array, "B V"]
Network = Transformer | LayersApart  # which takes its params stacked, or apart


def make_prefill(
  model: Network, *, attention: Attention, slots: int, order: Order = "BNSH"
) -> Callable[..., tuple[Logits, Cache]]:
  """(params, tokens, lengths, both_ways) -> the logits that follow each prompt, and its cache.

  Row i of `tokens` is a prompt of `lengths[i]` tokens, at least one, and padding behind it.  A
  PrefixLM reads a prompt both ways, or so many tokens of it as `both_ways` says.  The cache has
  `slots` slots, so `slots` - L tokens may follow, and lies in memory as `order` says
  (`cache.order_on`).
  """

  def prefill(
    params: Params,
    tokens: Int[Array, "B L"],
    lengths: Int[Array, " B"],
    both_ways: Int[Array, " B"] | None = None,
  ) -> tuple[Logits, Cache]:
    batch, length = tokens.shape
    positions = jnp.broadcast_to(jnp.arange(length), tokens.shape)
    is_prompt = positions < lengths[:, None]
    is_open = is_prompt if both_ways is None else positions < both_ways[:, None]
    mask = AttentionMask(
      is_prompt.astype(jnp.int32), positions, None if attention == "causal" else is_open
    )
    cache = kv_cache.empty(model.config, batch, slots, order)
    out: Any = model.apply({"params": params}, tokens, mask=mask, logits=False, cache=cache)
    hidden, cache = out
    last = jnp.take_along_axis(hidden, lengths[:, None, None] - 1, axis=1)
    return head_logits(last[:, 0], params["head"]), cache

  return prefill


def make_decode_step(
  model: Network,
) -> Callable[[Params, Cache, Int[Array, " B"], Int[Array, " B"]], tuple[Logits, Cache]]:
  """(params, cache, tokens, positions) -> the logits that follow each token, and the cache with it.

  The first token after a prompt of n tokens has position n.  Donate the cache, and it is written
  where it lies.
  """

  def decode_step(
    params: Params, cache: Cache, tokens: Array, positions: Array
  ) -> tuple[Array, Cache]:
    mask = AttentionMask(jnp.ones_like(tokens)[:, None], positions[:, None])
    out: Any = model.apply({"params": params}, tokens[:, None], mask=mask, cache=cache)
    logits, cache = out
    return logits[:, 0], cache

  return decode_step


def abstract_cache(config: TransformerConfig, batch: int, slots: int, mesh: Mesh) -> Cache:
  """Shape, type and place of every array that `make_prefill` returns in the order for this mesh.

  Raises:
    InputError: the mesh does not divide the rows or the heads.
  """
  order = kv_cache.order_on(mesh.devices.flat[0].platform)
  cache = jax.eval_shape(lambda: kv_cache.empty(config, batch, slots, order))
  cache = dataclasses.replace(cache, is_empty=False)
  boxed = jax.tree.map(nn.LogicallyPartitioned, cache, kv_cache.names(cache))
  return jax.tree.map(
    lambda leaf, place: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place),
    cache,
    partitioning.state_sharding(boxed, mesh),
  )
