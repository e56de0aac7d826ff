"""Rotary position embedding (arXiv 2104.09864), in the layout that accelerators turn fastest."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int
import numpy as np

from codegen_jax.types import Array


class Turns(NamedTuple):
  """By how much each pair of a head turns at each position, as sine and cosine in float32.

  Made once for all layers: bfloat16 cannot tell position 256 from 257, and sines are slow.
  """

  sin: Float[Array, "B L half_H"]
  cos: Float[Array, "B L half_H"]


def turns(positions: Int[Array, "B L"], *, rotary_dim: int, head_dim: int, base: float) -> Turns:
  """At position p, pair i turns by p / base ** (2i / rotary_dim), or by 0 beyond `rotary_dim`."""
  frequencies = base ** -(jnp.arange(0, rotary_dim, 2, dtype=jnp.float32) / rotary_dim)
  frequencies = jnp.pad(frequencies, (0, (head_dim - rotary_dim) // 2))
  angles = positions[:, :, None].astype(jnp.float32) * frequencies
  return Turns(jnp.sin(angles), jnp.cos(angles))


@jax.custom_vjp
def rotate(x: Float[Array, "B L N H"], by: Turns) -> Float[Array, "B L N H"]:
  """Turns the pairs (i, i + H / 2) of each head, as Llama does.

      (0, 3) (1, 4) (2, 5)

  CodeGen's published weights turn (0, 1) (2, 3) ... and leave what is beyond `rotary_dim`: the same
  rotation of dimensions in another order, which `halves_of_pairs` gives.  Here both halves of a
  head of 256 are whole tiles of a TPU's 128 lanes; the published order costs the 16B model a tenth
  of its step.
  """
  sin, cos = by.sin[:, :, None], by.cos[:, :, None]
  first, second = jnp.split(jnp.asarray(x, jnp.float32), 2, axis=-1)
  turned = jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
  return turned.astype(x.dtype)


def _turn_back(by, gradient):
  """A rotation's transpose is its inverse; derived, it would be padded copies that are added."""
  return rotate(gradient, Turns(-by.sin, by.cos)), None


rotate.defvjp(lambda x, by: (rotate(x, by), by), _turn_back)


def halves_of_pairs(head_dim: int) -> Int[np.ndarray, " H"]:
  """Where each dimension of a head in our order stands in one of CodeGen's published weights.

  `kernel[..., halves_of_pairs(h)]` of queries and keys brings published weights here with the
  same scores; `numpy.argsort` of it is the way back.
  """
  return np.arange(head_dim).reshape(-1, 2).T.reshape(-1)
