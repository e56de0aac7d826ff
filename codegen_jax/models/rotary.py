"""Rotary position embedding (arXiv 2104.09864), in both layouts that the published models have."""

from typing import Literal

import jax.numpy as jnp
from jaxtyping import Float, Int

from codegen_jax.types import Array

Layout = Literal["interleaved", "half"]


def rotate(
  x: Float[Array, "B L N H"],
  positions: Int[Array, "B L"],
  *,
  rotary_dim: int,
  base: float,
  layout: Layout = "interleaved",
) -> Float[Array, "B L N H"]:
  """Turns pairs of the first `rotary_dim` dimensions, each by its own angle.

      interleaved   (0, 1) (2, 3) (4, 5)    GPT-J's, CodeGen's
      half          (0, 3) (1, 4) (2, 5)    GPT-NeoX's, Llama's

  Pair i at position p turns by p / base ** (2i / rotary_dim), computed in float32 whatever x is:
  bfloat16 cannot tell position 256 from 257.
  """
  if rotary_dim == 0:
    return x
  frequencies = base ** -(jnp.arange(0, rotary_dim, 2, dtype=jnp.float32) / rotary_dim)
  angles = positions[:, :, None, None].astype(jnp.float32) * frequencies
  sin, cos = jnp.sin(angles), jnp.cos(angles)
  turning, members = x[..., :rotary_dim].astype(jnp.float32), -1 if layout == "interleaved" else -2
  pairs = (rotary_dim // 2, 2) if layout == "interleaved" else (2, rotary_dim // 2)
  first, second = jnp.unstack(turning.reshape(*x.shape[:-1], *pairs), axis=members)
  turned = jnp.stack([first * cos - second * sin, second * cos + first * sin], axis=members)
  turned = turned.reshape(*x.shape[:-1], rotary_dim).astype(x.dtype)
  return jnp.concatenate([turned, x[..., rotary_dim:]], axis=-1)
