"""Flash attention for TPUs whose mask is that of packed PrefixLM rows (arXiv 2205.14135).

The mask is one interval per key (`readers.Intervals`), so no B x L x L array exists, not even of
bits; blocks of keys that no query of a block reads are neither fetched nor computed, and a block
whose every key is read by every query is not masked.

    s [Q, K] = q k'      p = exp(s - lse)      o [Q, H] = p v
"""

import functools

import jax
from jax.ad_checkpoint import checkpoint_name
import jax.numpy as jnp
from jaxtyping import Float

from codegen_jax.kernels.backward import backward
from codegen_jax.kernels.forward import forward
from codegen_jax.kernels.readers import Intervals
from codegen_jax.kernels.walk import Blocks
from codegen_jax.types import Array


def attention(
  q: Float[Array, "B L N H"],
  k: Float[Array, "B L N H"],
  v: Float[Array, "B L N H"],
  mask: Intervals,
  *,
  blocks: Blocks | None = None,
  interpret: bool = False,
) -> Float[Array, "B L N H"]:
  """softmax(q k' / sqrt(H)) v over the keys that each query reads; has a gradient by q, k and v.

  Any L: rows are padded to whole blocks.  `interpret` runs on any device, slowly.
  """
  length = q.shape[1]
  blocks = _fitting(blocks or Blocks(512, 512), length)
  missing = -length % max(blocks.queries, blocks.keys)
  if missing:
    q, k, v = (jnp.pad(x, ((0, 0), (0, missing), (0, 0), (0, 0))) for x in (q, k, v))
    mask = _padded(mask, missing)
  heads_first = (jnp.swapaxes(x, 1, 2) for x in (q, k, v))
  out = _attention(*heads_first, mask, blocks, interpret)
  return jnp.swapaxes(out, 1, 2)[:, :length]


def _fitting(blocks: Blocks, length: int) -> Blocks:
  """A block is a power of two, so that one size divides the other, and no longer than needed."""
  longest = max(128, 1 << (length - 1).bit_length())
  return Blocks(min(blocks.queries, longest), min(blocks.keys, longest))


def _padded(mask: Intervals, missing: int) -> Intervals:
  """More tokens, each of which reads itself alone."""
  batch, length = mask.reads_from.shape
  here = jnp.broadcast_to(jnp.arange(length, length + missing, dtype=jnp.int32), (batch, missing))
  own = Intervals(here, here + 1, here, here + 1)
  return jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis=1), mask, own)


@functools.partial(jax.custom_vjp, nondiff_argnums=(4, 5))
def _attention(q, k, v, mask, blocks, interpret):
  return forward(q, k, v, mask, blocks, interpret)[0]


def _vjp_forward(q, k, v, mask, blocks, interpret):
  out, log_total = forward(q, k, v, mask, blocks, interpret)
  # Named here, where the gradient reads them: a caller who keeps them need not run this again.
  out, log_total = checkpoint_name(out, "context"), checkpoint_name(log_total, "context")
  return out, (q, k, v, mask, out, log_total)


def _vjp_backward(blocks, interpret, kept, d_out):
  q, k, v, mask, out, log_total = kept
  product = out.astype(jnp.float32) * d_out.astype(jnp.float32)
  delta = jnp.sum(product, axis=-1)[:, :, None]  # [B, N, 1, L]
  grads = backward(q, k, v, d_out, log_total, delta, mask, blocks, interpret)
  return *grads, None


_attention.defvjp(_vjp_forward, _vjp_backward)
