"""Rotary position embedding, in GPT-J's interleaved form (arXiv 2104.09864)."""

import jax.numpy as jnp
from jaxtyping import Float, Int

from codegen_jax.types import Array


def rotate(
  x: Float[Array, "B L N H"], positions: Int[Array, "B L"], *, rotary_dim: int, base: float
) -> Float[Array, "B L N H"]:
  """Turns each pair (0, 1), (2, 3), ... of the first `rotary_dim` dimensions by its own angle.

  Pair i at position p turns by p / base ** (2i / rotary_dim), computed in float32 whatever x is:
  bfloat16 cannot tell position 256 from 257.
  """
  if rotary_dim == 0:
    return x
  frequencies = base ** -(jnp.arange(0, rotary_dim, 2, dtype=jnp.float32) / rotary_dim)
  angles = positions[:, :, None, None].astype(jnp.float32) * frequencies
  sin, cos = jnp.sin(angles), jnp.cos(angles)
  pairs = x[..., :rotary_dim].astype(jnp.float32).reshape(*x.shape[:-1], rotary_dim // 2, 2)
  even, odd = pairs[..., 0], pairs[..., 1]
  turned = jnp.stack([even * cos - odd * sin, odd * cos + even * sin], axis=-1)
  turned = turned.reshape(*x.shape[:-1], rotary_dim).astype(x.dtype)
  return jnp.concatenate([turned, x[..., rotary_dim:]], axis=-1)
