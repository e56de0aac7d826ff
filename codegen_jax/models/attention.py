"""Attention as a function of queries, keys, values and a mask."""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from codegen_jax.models.masks import AttentionMask
from codegen_jax.types import Array

# Finite, so that a position that may read nothing gets an average and not a NaN.
MASKED = -1e10


def attend(
  q: Float[Array, "B L N H"],
  k: Float[Array, "B S N H"],
  v: Float[Array, "B S N H"],
  mask: AttentionMask,
) -> Float[Array, "B L N H"]:
  """The reference: every score is computed, the softmax is in float32."""
  scores = jnp.einsum("BLNH,BSNH->BNLS", q, k, preferred_element_type=jnp.float32)
  scores = jnp.where(mask.dense()[:, None], scores * q.shape[-1] ** -0.5, MASKED)
  weights = jax.nn.softmax(scores, axis=-1).astype(v.dtype)
  return jnp.einsum("BNLS,BSNH->BLNH", weights, v)
