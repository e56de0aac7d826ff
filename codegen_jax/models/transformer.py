"""The network: token ids and a mask in, logits out."""

from flax import linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from codegen_jax.models import cache as kv_cache
from codegen_jax.models import rotary
from codegen_jax.models.blocks import BLOCKS, RESIDUAL, norm
from codegen_jax.models.cache import Cache
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.head import Head
from codegen_jax.models.layers import Embedding
from codegen_jax.models.masks import AttentionMask
from codegen_jax.types import Array


class Transformer(nn.Module):
  """The same weights are a causal decoder or a PrefixLM: `mask` alone decides."""

  config: TransformerConfig

  @nn.compact
  def __call__(
    self,
    inputs: Int[Array, "B L"],
    *,
    mask: AttentionMask,
    logits: bool = True,
    cache: Cache | None = None,
  ) -> Float[Array, "B L V_or_D"] | tuple[Float[Array, "B L V_or_D"], Cache]:
    """Logits, or what the head would read: the loss makes logits a part at a time.

    With a cache, `inputs` go on where its tokens end and read them too; it comes back with theirs.
    """
    c = self.config
    dtype, param_dtype = jnp.dtype(c.dtype), jnp.dtype(c.param_dtype)
    x = Embedding(c.vocab_size, c.embed_dim, dtype, param_dtype, name="embedding")(inputs)
    x = nn.with_logical_constraint(x, RESIDUAL)
    blocks = nn.scan(
      _remat(c),
      variable_axes={"params": 0},
      split_rngs={"params": True},
      in_axes=nn.broadcast,  # the mask and the turns
      length=c.num_layers,
      unroll=c.unroll,
      metadata_params={nn.PARTITION_NAME: "layers"},
    )
    turns = rotary.turns(
      mask.positions, rotary_dim=c.rotary_dim, head_dim=c.head_dim, base=c.rotary_base
    )
    if cache is not None:
      cache = kv_cache.enter(cache, mask)
    (x, cache), _ = blocks(c, name="blocks")((x, cache), mask, turns)
    if cache is not None:
      x, cache = kv_cache.leave(cache, x)
    x = norm(c, "final_norm")(x)
    head = Head(c.vocab_size, c.block == "codegen", param_dtype, name="head")
    out = head(x) if logits else x
    return out if cache is None else (out, cache)


def _remat(config: TransformerConfig) -> type[nn.Module]:
  block = BLOCKS[config.block]
  if config.remat == "none":
    return block
  # The scan already keeps forward and backward apart, so XLA cannot merge what is computed again.
  return nn.remat(block, policy=POLICIES[config.remat], prevent_cse=False)


_keep = jax.checkpoint_policies
POLICIES = {
  "dots": _keep.save_from_both_policies(
    _keep.dots_with_no_batch_dims_saveable, _keep.save_only_these_names("context")
  ),
  "mlp": _keep.save_only_these_names("mlp", "qkv", "context"),
  "qkv": _keep.save_only_these_names("qkv", "context"),
  "context": _keep.save_only_these_names("context"),
  "full": None,
}
