"""The blocks of a network: CodeGen's, whose halves are parallel, and Llama's, in sequence."""

from flax import linen as nn
import jax
from jax.ad_checkpoint import checkpoint_name
import jax.numpy as jnp
from jaxtyping import Float

from codegen_jax.models import cache as kv_cache
from codegen_jax.models import rotary
from codegen_jax.models.attention import attend
from codegen_jax.models.cache import Cache
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.layers import LayerNorm, Linear, RMSNorm
from codegen_jax.models.masks import AttentionMask
from codegen_jax.models.rotary import Turns
from codegen_jax.types import Array

RESIDUAL = ("batch", "residual_length", "embed_act")
Carry = tuple[Float[Array, "B L D"], Cache | None]  # from block to block


class Attention(nn.Module):
  """Queries, keys and values without bias, rotated by position (HF: `attn`, `self_attn`)."""

  config: TransformerConfig

  @nn.compact
  def __call__(
    self, x: Float[Array, "B L D"], mask: AttentionMask, turns: Turns, cache: Cache | None
  ) -> Carry:
    c = self.config
    shape = (c.embed_dim, c.num_heads, c.head_dim)

    def project(name: str) -> Array:
      return _linear(c, "BLD,DNH->BLNH", shape, c.embed_dim**-0.5, name)(x)

    query, key = (rotary.rotate(project(name), turns) for name in ("query", "key"))
    qkv = query, key, project("value")
    q, k, v = (checkpoint_name(x, "qkv") for x in qkv)
    if cache is None:
      read = attend(q, k, v, mask, c.attention_kernel)
    else:
      read, cache = kv_cache.attend(q, k, v, mask, c.attention_kernel, cache)
    out = (c.num_heads, c.head_dim, c.embed_dim)
    return _linear(c, "BLNH,NHD->BLD", out, _residual_stddev(c), "out")(read), cache


class Mlp(nn.Module):
  """Two linear maps with bias around the tanh approximation of GELU (HF: `gelu_new`)."""

  config: TransformerConfig

  @nn.compact
  def __call__(self, x: Float[Array, "B L D"]) -> Float[Array, "B L D"]:
    into, out = _into(self.config, "in", bias=True), _out(self.config, bias=True)
    # Where a block is not computed again as a whole, its GELU is: it would keep three more arrays.
    bend = jax.checkpoint(_gelu) if self.config.remat == "none" else _gelu
    return out(bend(checkpoint_name(into(x), "mlp")))


class GatedMlp(nn.Module):
  """Two maps in without bias, one of them a gate (HF: `gate_proj`, `up_proj`, `down_proj`)."""

  config: TransformerConfig

  @nn.compact
  def __call__(self, x: Float[Array, "B L D"]) -> Float[Array, "B L D"]:
    gate, into, out = (
      _into(self.config, "gate", bias=False),
      _into(self.config, "in", bias=False),
      _out(self.config, bias=False),
    )
    gated, read = checkpoint_name(gate(x), "mlp"), checkpoint_name(into(x), "mlp")
    return out(nn.silu(gated) * read)


class ParallelBlock(nn.Module):
  """x + attention(norm(x)) + mlp(norm(x)): one norm, read by both at once."""

  config: TransformerConfig

  @nn.compact
  def __call__(self, carry: Carry, mask: AttentionMask, turns: Turns) -> tuple[Carry, None]:
    x, cache = carry
    normed = norm(self.config, "norm")(x)
    attention, mlp = Attention(self.config, name="attention"), Mlp(self.config, name="mlp")
    read, cache = attention(normed, mask, turns, cache)
    return (nn.with_logical_constraint(x + read + mlp(normed), RESIDUAL), cache), None


class SequentialBlock(nn.Module):
  """y = x + attention(norm(x)), then y + mlp(norm(y)): each has a norm of its own."""

  config: TransformerConfig

  @nn.compact
  def __call__(self, carry: Carry, mask: AttentionMask, turns: Turns) -> tuple[Carry, None]:
    x, cache = carry
    attention, mlp = Attention(self.config, name="attention"), GatedMlp(self.config, name="mlp")
    read, cache = attention(norm(self.config, "attention_norm")(x), mask, turns, cache)
    x = nn.with_logical_constraint(x + read, RESIDUAL)
    x = x + mlp(norm(self.config, "mlp_norm")(x))
    return (nn.with_logical_constraint(x, RESIDUAL), cache), None


BLOCKS: dict[str, type[nn.Module]] = {"codegen": ParallelBlock, "llama": SequentialBlock}


def norm(config: TransformerConfig, name: str | None) -> nn.Module:
  kind = {"codegen": LayerNorm, "llama": RMSNorm}[config.block]
  return kind(config.norm_epsilon, jnp.dtype(config.dtype), name=name)


def _into(c: TransformerConfig, name: str, *, bias: bool) -> Linear:
  shape = (c.embed_dim, c.mlp_dim)
  return _linear(c, "BLD,DF->BLF", shape, c.embed_dim**-0.5, name, bias=bias)


def _out(c: TransformerConfig, *, bias: bool) -> Linear:
  shape = (c.mlp_dim, c.embed_dim)
  return _linear(c, "BLF,FD->BLD", shape, _residual_stddev(c), "out", bias=bias)


def _linear(
  c: TransformerConfig, equation: str, shape: tuple[int, ...], stddev: float, name: str, *,
  bias: bool = False,
) -> Linear:  # fmt: skip
  dtypes = jnp.dtype(c.dtype), jnp.dtype(c.param_dtype)
  return Linear(equation, shape, stddev, dtypes[0], bias, dtypes[1], name=name)


def _residual_stddev(config: TransformerConfig) -> float:
  """Of both maps that write into the residual stream (jaxformer: init_scale = 2 / layers)."""
  return 2 / config.num_layers / config.embed_dim**0.5


def _gelu(x: Array) -> Array:
  return nn.gelu(x, approximate=True)
