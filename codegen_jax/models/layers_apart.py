"""The same network, layer after layer, each with weights and a cache of its own."""

import dataclasses
from typing import Any

from flax import linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from codegen_jax.models import cache as kv_cache
from codegen_jax.models import rotary
from codegen_jax.models.blocks import BLOCKS, RESIDUAL, norm
from codegen_jax.models.cache import Cache
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.head import head_logits
from codegen_jax.models.layers import Embedding
from codegen_jax.models.masks import AttentionMask
from codegen_jax.types import Array, Params


@dataclasses.dataclass(frozen=True)
class LayersApart:
  """`Transformer` without its loop over layers: its blocks, called in order, on `apart(params)`.

  A CPU copies what a loop takes out of a stack, so each token would copy every weight and the whole
  cache.  A TPU does not, and there one layer, compiled once, is worth more.
  """

  config: TransformerConfig

  def apply(
    self,
    variables: dict[str, Params],
    inputs: Int[Array, "B L"],
    *,
    mask: AttentionMask,
    logits: bool = True,
    cache: Cache | None = None,
  ) -> Float[Array, "B L V_or_D"] | tuple[Float[Array, "B L V_or_D"], Cache]:
    """As `Transformer.apply`; a cache comes back apart."""
    c, params = self.config, variables["params"]
    dtype, param_dtype = jnp.dtype(c.dtype), jnp.dtype(c.param_dtype)
    x: Any = Embedding(c.vocab_size, c.embed_dim, dtype, param_dtype).apply(
      {"params": params["embedding"]}, inputs
    )
    x = nn.with_logical_constraint(x, RESIDUAL)
    turns = rotary.turns(
      mask.positions, rotary_dim=c.rotary_dim, head_dim=c.head_dim, base=c.rotary_base
    )
    block = BLOCKS[c.block](c)
    layers: list[Any] = [None] * c.num_layers
    if cache is not None:
      cache = kv_cache.enter(cache, mask)
      layers = kv_cache.apart(cache)
    for number, weights in enumerate(params["blocks"]):
      out: Any = block.apply({"params": weights}, (x, layers[number]), mask, turns)
      (x, layers[number]), _ = out
    if cache is not None:
      cache = dataclasses.replace(
        cache,
        keys=tuple(layer.keys for layer in layers),
        values=tuple(layer.values for layer in layers),
      )
      x, cache = kv_cache.leave(cache, x)
    x = norm(c, None).apply({"params": params["final_norm"]}, x)
    out = head_logits(x, params["head"]) if logits else x
    return out if cache is None else (out, cache)


def apart(params: Params) -> Params:
  """Parameters with a tuple of layers where `Transformer` has a stack of them; others as they are.

  A layer is copied out once, so for a moment the largest stack exists twice.
  """
  blocks = params["blocks"]
  if isinstance(blocks, tuple):
    return params
  leaves, tree = jax.tree.flatten(blocks)
  unstack = jax.jit(lambda stack: tuple(stack))
  columns = [unstack(leaf) for leaf in leaves]
  layers = tuple(jax.tree.unflatten(tree, layer) for layer in zip(*columns, strict=True))
  return {**params, "blocks": layers}
