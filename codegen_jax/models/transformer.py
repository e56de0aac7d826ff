"""CodeGen's decoder: token ids and a mask in, logits out."""

from flax import linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from codegen_jax.models import rotary
from codegen_jax.models.attention import attend
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.layers import Embedding, LayerNorm, Linear
from codegen_jax.models.masks import AttentionMask
from codegen_jax.types import Array

RESIDUAL = ("batch", "length", "embed_act")


class Attention(nn.Module):
  """Queries, keys and values without bias, rotated by position (HF: `attn`)."""

  config: TransformerConfig

  @nn.compact
  def __call__(self, x: Float[Array, "B L D"], mask: AttentionMask) -> Float[Array, "B L D"]:
    c, dtype = self.config, jnp.dtype(self.config.dtype)
    shape = (c.embed_dim, c.num_heads, c.head_dim)

    def project(name: str) -> Array:
      return Linear("BLD,DNH->BLNH", shape, c.embed_dim**-0.5, dtype, name=name)(x)

    def turn(heads: Array) -> Array:
      return rotary.rotate(heads, mask.positions, rotary_dim=c.rotary_dim, base=c.rotary_base)

    read = attend(turn(project("query")), turn(project("key")), project("value"), mask)
    out = (c.num_heads, c.head_dim, c.embed_dim)
    return Linear("BLNH,NHD->BLD", out, _residual_stddev(c), dtype, name="out")(read)


class Mlp(nn.Module):
  """Two linear maps with bias around the tanh approximation of GELU (HF: `gelu_new`)."""

  config: TransformerConfig

  @nn.compact
  def __call__(self, x: Float[Array, "B L D"]) -> Float[Array, "B L D"]:
    c, dtype = self.config, jnp.dtype(self.config.dtype)
    into = Linear(
      "BLD,DF->BLF", (c.embed_dim, c.mlp_dim), c.embed_dim**-0.5, dtype, True, name="in"
    )
    out = Linear(
      "BLF,FD->BLD", (c.mlp_dim, c.embed_dim), _residual_stddev(c), dtype, True, name="out"
    )
    return out(nn.gelu(into(x), approximate=True))


class Block(nn.Module):
  """x + attention(norm(x)) + mlp(norm(x)): one norm, read by both at once."""

  config: TransformerConfig

  @nn.compact
  def __call__(
    self, x: Float[Array, "B L D"], mask: AttentionMask
  ) -> tuple[Float[Array, "B L D"], None]:
    c = self.config
    normed = LayerNorm(c.norm_epsilon, jnp.dtype(c.dtype), name="norm")(x)
    x = x + Attention(c, name="attention")(normed, mask) + Mlp(c, name="mlp")(normed)
    return nn.with_logical_constraint(x, RESIDUAL), None


class Transformer(nn.Module):
  """The same weights are a causal decoder or a PrefixLM: `mask` alone decides."""

  config: TransformerConfig

  @nn.compact
  def __call__(self, inputs: Int[Array, "B L"], *, mask: AttentionMask) -> Float[Array, "B L V"]:
    c, dtype = self.config, jnp.dtype(self.config.dtype)
    x = Embedding(c.vocab_size, c.embed_dim, dtype, name="embedding")(inputs)
    x = nn.with_logical_constraint(x, RESIDUAL)
    blocks = nn.scan(
      _remat(c),
      variable_axes={"params": 0},
      split_rngs={"params": True},
      in_axes=nn.broadcast,
      length=c.num_layers,
      metadata_params={nn.PARTITION_NAME: "layers"},
    )
    x, _ = blocks(c, name="blocks")(x, mask)
    x = LayerNorm(c.norm_epsilon, dtype, name="final_norm")(x)
    head = (c.embed_dim, c.vocab_size)
    logits = Linear("BLD,DV->BLV", head, c.embed_dim**-0.5, dtype, True, name="head")(x)
    return nn.with_logical_constraint(logits, ("batch", "length", "vocab"))


def _residual_stddev(config: TransformerConfig) -> float:
  """Of both maps that write into the residual stream (jaxformer: init_scale = 2 / layers)."""
  return 2 / config.num_layers / config.embed_dim**0.5


def _remat(config: TransformerConfig) -> type[nn.Module]:
  if config.remat == "none":
    return Block
  dots = jax.checkpoint_policies.dots_with_no_batch_dims_saveable
  policy = dots if config.remat == "dots" else None
  # The scan already keeps forward and backward apart, so XLA cannot merge what is computed again.
  return nn.remat(Block, policy=policy, prevent_cse=False)
