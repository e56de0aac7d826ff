"""Rotary position embedding (arXiv 2104.09864), in both layouts that the published models have."""

from typing import Literal, NamedTuple

import jax.numpy as jnp
from jaxtyping import Float, Int
import numpy as np

from codegen_jax.types import Array

Layout = Literal["interleaved", "half"]


class Turns(NamedTuple):
  """By how much each pair turns at each position, as sine and cosine in float32.

  Made once for all layers: bfloat16 cannot tell position 256 from 257, and sines are slow.
  """

  sin: Float[Array, "B L R"]
  cos: Float[Array, "B L R"]


def turns(positions: Int[Array, "B L"], *, rotary_dim: int, base: float) -> Turns:
  """Pair i at position p turns by p / base ** (2i / rotary_dim); R is rotary_dim / 2."""
  frequencies = base ** -(jnp.arange(0, rotary_dim, 2, dtype=jnp.float32) / rotary_dim)
  angles = positions[:, :, None].astype(jnp.float32) * frequencies
  return Turns(jnp.sin(angles), jnp.cos(angles))


def rotate(
  x: Float[Array, "B L N H"], by: Turns, layout: Layout = "half"
) -> Float[Array, "B L N H"]:
  """Turns pairs of the first 2R dimensions; the rest carry no position.

      half          (0, 3) (1, 4) (2, 5)    GPT-NeoX's, Llama's
      interleaved   (0, 1) (2, 3) (4, 5)    GPT-J's, CodeGen's

  They are one rotation of dimensions in another order, which `halves_of_pairs` gives.  Halves are
  slices, which a TPU and a CPU read as they lie; pairs have to be taken apart and put together.
  """
  sin, cos = by.sin[:, :, None], by.cos[:, :, None]
  rotary_dim = 2 * sin.shape[-1]
  if rotary_dim == 0:
    return x
  turning = jnp.asarray(x[..., :rotary_dim], jnp.float32)
  if layout == "half":
    first, second = jnp.split(turning, 2, axis=-1)
    turned = jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
  else:
    first, second = turning[..., ::2], turning[..., 1::2]
    turned = jnp.stack([first * cos - second * sin, second * cos + first * sin], axis=-1)
    turned = turned.reshape(turning.shape)
  return jnp.concatenate([turned.astype(x.dtype), x[..., rotary_dim:]], axis=-1)


def halves_of_pairs(rotary_dim: int, head_dim: int) -> Int[np.ndarray, " H"]:
  """Where dimension i of a head in halves stands in one whose pairs are interleaved.

  `kernel[..., halves_of_pairs(r, h)]` of queries and keys makes an interleaved model one in halves
  with the same scores; `numpy.argsort` of it is the way back.
  """
  pairs = np.arange(rotary_dim).reshape(-1, 2)
  return np.concatenate([pairs[:, 0], pairs[:, 1], np.arange(rotary_dim, head_dim)])
