"""Attention for a CPU: blocks of queries, in matmuls that XLA's CPU backend is fast at.

The numbers are the reference's but for rounding.  Three things make the difference:

- a causal block skips the keys that come after all of its queries;
- no pass over the scores divides by the softmax's sum: what was read is divided, which is smaller,
  and so is its gradient;
- the scores, large, are never transposed for a product: queries, keys and values, small, are.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from codegen_jax.models.masks import AttentionMask
from codegen_jax.types import Array

# Finite, so that a position that may read nothing gets an average and not a NaN.
MASKED = -1e10
BLOCKS = 4


def attention(
  q: Float[Array, "B L N H"],
  k: Float[Array, "B S N H"],
  v: Float[Array, "B S N H"],
  mask: AttentionMask,
) -> Float[Array, "B L N H"]:
  """What each query reads; with a prefix mask, which looks ahead, in one block."""
  whole = mask.prefix_mask is not None or q.shape[1] != k.shape[1] or q.shape[1] % BLOCKS
  q, k, v = (jnp.moveaxis(x, 2, 1) for x in (q * q.shape[-1] ** -0.5, k, v))
  return jnp.moveaxis(_read(1 if whole else BLOCKS, q, k, v, mask.dense()), 1, 2)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _read(
  blocks: int,
  q: Float[Array, "B N L H"],
  k: Float[Array, "B N S H"],
  v: Float[Array, "B N S H"],
  visible: Bool[Array, "B L S"],
) -> Float[Array, "B N L H"]:
  return _forward(blocks, q, k, v, visible)[0]


def _forward(blocks, q, k, v, visible):
  k_across, parts, read = _across(k), [], []
  for rows, seen in _blocks(blocks, q, k):
    scores = jnp.einsum(
      "BNLH,BNHS->BNLS", q[:, :, rows], k_across[..., seen], preferred_element_type=jnp.float32
    )
    scores = jnp.where(visible[:, None, rows, seen], scores, MASKED)
    weights = jnp.exp(scores - jnp.max(scores, axis=-1, keepdims=True))
    total = jnp.sum(weights, axis=-1, keepdims=True)
    weights = weights.astype(v.dtype)
    sums = jnp.einsum("BNLS,BNSH->BNLH", weights, v[:, :, seen], preferred_element_type=jnp.float32)
    read.append((sums / total).astype(v.dtype))
    parts.append((weights, total))
  whole = jnp.concatenate(read, axis=2)
  return whole, (q, k, v, parts, whole)


def _backward(blocks, kept, by_read):
  q, k, v, parts, read = kept
  v_across = _across(v)
  by_q: list[Array] = []
  by_k: list[list[Array]] = [[] for _ in range(blocks)]  # by block of keys, then of queries
  by_v: list[list[Array]] = [[] for _ in range(blocks)]
  for (rows, seen), (weights, total) in zip(_blocks(blocks, q, k), parts, strict=True):
    by_sums = by_read[:, :, rows] / total
    # Of a softmax: p (g - sum of p g), whose sum is that of what was read times its own gradient.
    mean = jnp.sum(by_sums * read[:, :, rows], axis=-1, keepdims=True)
    by_sums = by_sums.astype(v.dtype)
    by_weights = jnp.einsum(
      "BNLH,BNHS->BNLS", by_sums, v_across[..., seen], preferred_element_type=jnp.float32
    )
    by_scores = (weights * (by_weights - mean)).astype(q.dtype)
    by_q.append(jnp.einsum("BNLS,BNSH->BNLH", by_scores, k[:, :, seen]))
    for sums, left, right in ((by_k, q[:, :, rows], by_scores), (by_v, by_sums, weights)):
      summed = jnp.einsum("BNLH,BNLS->BNHS", left, right)
      for block, part in enumerate(jnp.split(summed, seen.stop * blocks // k.shape[2], axis=-1)):
        sums[block].append(part)
  whole = (_across(jnp.concatenate([sum(x) for x in sums], axis=-1)) for sums in (by_k, by_v))
  return jnp.concatenate(by_q, axis=2), *whole, None


_read.defvjp(_forward, _backward)


def _blocks(blocks: int, q: Array, k: Array) -> list[tuple[slice, slice]]:
  """Queries of each block, and the keys that one of them may read."""
  length, seen = q.shape[2] // blocks, k.shape[2] // blocks
  return [(slice(i * length, (i + 1) * length), slice((i + 1) * seen)) for i in range(blocks)]


def _across(x: Array) -> Array:
  """[B, N, L, H] -> [B, N, H, L] and back; without barriers XLA turns the product instead."""
  return jax.lax.optimization_barrier(jnp.swapaxes(jax.lax.optimization_barrier(x), -1, -2))
