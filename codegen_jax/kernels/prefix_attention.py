"""Flash attention for TPUs whose mask is that of packed PrefixLM rows (arXiv 2205.14135).

The mask is one interval per key (`readers.Intervals`), so no B x L x L array exists, not even of
bits; blocks of keys that no query of a block reads are neither fetched nor computed.  Scores stand
transposed, keys by queries: then the mask is a column, what belongs to queries is a row, and the
softmax runs down the sublanes.

    s [K, Q] = k q'      p = exp(s - lse)      o [Q, H] = p' v
"""

import dataclasses
import functools
from typing import NamedTuple

import jax
from jax.ad_checkpoint import checkpoint_name
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu
import jax.numpy as jnp
from jaxtyping import Float

from codegen_jax.kernels.readers import Intervals
from codegen_jax.types import Array

NOTHING = -1e30  # finite: a block may hold no key at all of a query


@dataclasses.dataclass(frozen=True)
class Blocks:
  """How many queries and keys are worked on at once."""

  queries: int = 512
  keys: int = 512


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
  blocks = _fitting(blocks or Blocks(), length)
  size = max(blocks.queries, blocks.keys)
  missing = -length % size
  if missing:
    q, k, v = (jnp.pad(x, ((0, 0), (0, missing), (0, 0), (0, 0))) for x in (q, k, v))
    mask = _padded(mask, missing)
  q = q * jnp.asarray(q.shape[-1] ** -0.5, q.dtype)
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
  return _forward(q, k, v, mask, blocks, interpret)[0]


def _vjp_forward(q, k, v, mask, blocks, interpret):
  out, lse = _forward(q, k, v, mask, blocks, interpret)
  # Named here, where the gradient reads them: a caller who keeps them need not run this again.
  out, lse = checkpoint_name(out, "context"), checkpoint_name(lse, "context")
  return out, (q, k, v, mask, out, lse)


def _vjp_backward(blocks, interpret, kept, d_out):
  q, k, v, mask, out, lse = kept
  product = out.astype(jnp.float32) * d_out.astype(jnp.float32)
  delta = jnp.sum(product, axis=-1)[:, :, None]  # [B, N, 1, L]
  operands = (q, k, v, d_out, lse, delta, mask, blocks, interpret)
  dq = _backward_queries(*operands)
  dk, dv = _backward_keys(*operands)
  return dq, dk, dv, None


_attention.defvjp(_vjp_forward, _vjp_backward)


def _readers_of_keys(mask: Intervals) -> Array:
  """[B, L, 2]: a block of it is two columns beside a block of scores."""
  return jnp.stack([mask.read_from, mask.read_until], axis=-1)


def _spans(first: Array, until: Array, size: int, other: int) -> tuple[Array, Array]:
  """For each block of `size` tokens, the first and last block of `other` that they take part in."""
  batch, length = first.shape
  grouped = (batch, length // size, size)
  low = jnp.min(first.reshape(grouped), axis=-1) // other
  high = (jnp.max(until.reshape(grouped), axis=-1) - 1) // other
  return low, high


def _scores(q, k, readers, query_block):
  """[K, Q] with NOTHING where the query does not read the key."""
  s = jax.lax.dot_general(k, q, (((1,), (1,)), ((), ())), preferred_element_type=jnp.float32)
  queries = query_block * s.shape[1] + jax.lax.broadcasted_iota(jnp.int32, s.shape, 1)
  is_read = (readers[:, :1] <= queries) & (queries < readers[:, 1:])
  return jnp.where(is_read, s, NOTHING)


class _Place(NamedTuple):
  """Where a step of the grid (batch, head, outer block, step) is."""

  outer: Array
  inner: Array
  is_first: Array
  is_needed: Array
  is_last: Array


def _place(low_ref, high_ref) -> _Place:
  batch, outer, step = pl.program_id(0), pl.program_id(2), pl.program_id(3)
  inner = low_ref[batch, outer] + step
  is_last = step == pl.num_programs(3) - 1
  return _Place(outer, inner, step == 0, inner <= high_ref[batch, outer], is_last)


def _forward(q, k, v, mask, blocks, interpret):
  batch, heads, length, dim = q.shape
  bq, bk = blocks.queries, blocks.keys
  low, high = _spans(mask.reads_from, mask.reads_until, bq, bk)

  def kernel(low_ref, high_ref, q_ref, k_ref, v_ref, readers_ref, o_ref, lse_ref, m, l, acc):
    at = _place(low_ref, high_ref)

    @pl.when(at.is_first)
    def start():
      m[...] = jnp.full_like(m, NOTHING)
      l[...] = jnp.zeros_like(l)
      acc[...] = jnp.zeros_like(acc)

    @pl.when(at.is_needed)
    def step():
      s = _scores(q_ref[0, 0], k_ref[0, 0], readers_ref[0], at.outer)
      m_new = jnp.maximum(m[...], jnp.max(s, axis=0, keepdims=True))
      p = jnp.where(s > NOTHING, jnp.exp(s - m_new), 0.0)
      scale = jnp.exp(m[...] - m_new)
      l[...] = l[...] * scale + jnp.sum(p, axis=0, keepdims=True)
      read = jax.lax.dot_general(
        v_ref[0, 0], p.astype(v.dtype), (((0,), (0,)), ((), ())),
        preferred_element_type=jnp.float32,
      )  # fmt: skip
      acc[...] = acc[...] * scale + read  # [H, Q]
      m[...] = m_new

    @pl.when(at.is_last)
    def finish():
      total = l[...]
      o_ref[0, 0] = (acc[...] / total).T.astype(o_ref.dtype)
      lse_ref[0, 0] = m[...] + jnp.log(total)

  out = pl.pallas_call(
    kernel,
    grid_spec=pltpu.PrefetchScalarGridSpec(
      num_scalar_prefetch=2,
      grid=(batch, heads, length // bq, length // bk),
      in_specs=[
        pl.BlockSpec((1, 1, bq, dim), _outer_4d),
        pl.BlockSpec((1, 1, bk, dim), _inner_4d),
        pl.BlockSpec((1, 1, bk, dim), _inner_4d),
        pl.BlockSpec((1, bk, 2), _inner_3d),
      ],
      out_specs=[
        pl.BlockSpec((1, 1, bq, dim), _outer_4d),
        pl.BlockSpec((1, 1, 1, bq), _outer_row),
      ],
      scratch_shapes=[
        pltpu.VMEM((1, bq), jnp.float32),
        pltpu.VMEM((1, bq), jnp.float32),
        pltpu.VMEM((dim, bq), jnp.float32),
      ],
    ),
    out_shape=[
      jax.ShapeDtypeStruct(q.shape, q.dtype),
      jax.ShapeDtypeStruct((batch, heads, 1, length), jnp.float32),
    ],
    compiler_params=_PARALLEL,
    interpret=interpret,
    name="prefix_attention_forward",
  )(low, high, q, k, v, _readers_of_keys(mask))
  return tuple(out)


def _backward_queries(q, k, v, d_out, lse, delta, mask, blocks, interpret):
  batch, heads, length, dim = q.shape
  bq, bk = blocks.queries, blocks.keys
  low, high = _spans(mask.reads_from, mask.reads_until, bq, bk)

  def kernel(
    low_ref, high_ref, q_ref, k_ref, v_ref, do_ref, lse_ref, delta_ref, readers_ref, dq_ref, acc
  ):
    at = _place(low_ref, high_ref)

    @pl.when(at.is_first)
    def start():
      acc[...] = jnp.zeros_like(acc)

    @pl.when(at.is_needed)
    def step():
      ds, _ = _by_scores(q_ref, k_ref, v_ref, do_ref, lse_ref, delta_ref, readers_ref, at.outer)
      acc[...] += jax.lax.dot_general(
        ds.astype(k.dtype), k_ref[0, 0], (((0,), (0,)), ((), ())),
        preferred_element_type=jnp.float32,
      )  # fmt: skip

    @pl.when(at.is_last)
    def finish():
      dq_ref[0, 0] = acc[...].astype(dq_ref.dtype)

  return pl.pallas_call(
    kernel,
    grid_spec=pltpu.PrefetchScalarGridSpec(
      num_scalar_prefetch=2,
      grid=(batch, heads, length // bq, length // bk),
      in_specs=[
        pl.BlockSpec((1, 1, bq, dim), _outer_4d),
        pl.BlockSpec((1, 1, bk, dim), _inner_4d),
        pl.BlockSpec((1, 1, bk, dim), _inner_4d),
        pl.BlockSpec((1, 1, bq, dim), _outer_4d),
        pl.BlockSpec((1, 1, 1, bq), _outer_row),
        pl.BlockSpec((1, 1, 1, bq), _outer_row),
        pl.BlockSpec((1, bk, 2), _inner_3d),
      ],
      out_specs=pl.BlockSpec((1, 1, bq, dim), _outer_4d),
      scratch_shapes=[pltpu.VMEM((bq, dim), jnp.float32)],
    ),
    out_shape=jax.ShapeDtypeStruct(q.shape, q.dtype),
    compiler_params=_PARALLEL,
    interpret=interpret,
    name="prefix_attention_backward_queries",
  )(low, high, q, k, v, d_out, lse, delta, _readers_of_keys(mask))


def _backward_keys(q, k, v, d_out, lse, delta, mask, blocks, interpret):
  batch, heads, length, dim = q.shape
  bq, bk = blocks.queries, blocks.keys
  low, high = _spans(mask.read_from, mask.read_until, bk, bq)

  def kernel(
    low_ref, high_ref, q_ref, k_ref, v_ref, do_ref, lse_ref, delta_ref, readers_ref,
    dk_ref, dv_ref, dk_acc, dv_acc,
  ):  # fmt: skip
    at = _place(low_ref, high_ref)

    @pl.when(at.is_first)
    def start():
      dk_acc[...] = jnp.zeros_like(dk_acc)
      dv_acc[...] = jnp.zeros_like(dv_acc)

    @pl.when(at.is_needed)
    def step():
      ds, p = _by_scores(q_ref, k_ref, v_ref, do_ref, lse_ref, delta_ref, readers_ref, at.inner)
      dv_acc[...] += jnp.dot(
        p.astype(d_out.dtype), do_ref[0, 0], preferred_element_type=jnp.float32
      )
      dk_acc[...] += jnp.dot(ds.astype(q.dtype), q_ref[0, 0], preferred_element_type=jnp.float32)

    @pl.when(at.is_last)
    def finish():
      dk_ref[0, 0] = dk_acc[...].astype(dk_ref.dtype)
      dv_ref[0, 0] = dv_acc[...].astype(dv_ref.dtype)

  of_keys = pl.BlockSpec((1, 1, bk, dim), _outer_4d)
  of_queries = pl.BlockSpec((1, 1, bq, dim), _inner_4d)
  row = pl.BlockSpec((1, 1, 1, bq), _inner_row)
  out = pl.pallas_call(
    kernel,
    grid_spec=pltpu.PrefetchScalarGridSpec(
      num_scalar_prefetch=2,
      grid=(batch, heads, length // bk, length // bq),
      in_specs=[
        *(of_queries, of_keys, of_keys, of_queries, row, row),
        pl.BlockSpec((1, bk, 2), _outer_3d),
      ],
      out_specs=[of_keys, of_keys],
      scratch_shapes=[pltpu.VMEM((bk, dim), jnp.float32), pltpu.VMEM((bk, dim), jnp.float32)],
    ),
    out_shape=[
      jax.ShapeDtypeStruct(k.shape, k.dtype),
      jax.ShapeDtypeStruct(v.shape, v.dtype),
    ],
    compiler_params=_PARALLEL,
    interpret=interpret,
    name="prefix_attention_backward_keys",
  )(low, high, q, k, v, d_out, lse, delta, _readers_of_keys(mask))
  return tuple(out)


def _by_scores(q_ref, k_ref, v_ref, do_ref, lse_ref, delta_ref, readers_ref, query_block):
  """The gradient by the scores, [K, Q], and the weights that they made."""
  s = _scores(q_ref[0, 0], k_ref[0, 0], readers_ref[0], query_block)
  p = jnp.where(s > NOTHING, jnp.exp(s - lse_ref[0, 0]), 0.0)
  dp = jax.lax.dot_general(
    v_ref[0, 0], do_ref[0, 0], (((1,), (1,)), ((), ())), preferred_element_type=jnp.float32
  )
  return p * (dp - delta_ref[0, 0]), p


# Where each step of the grid finds its blocks.  Past the last block that is needed the same one is
# named again, so that nothing is fetched.


def _clamped(batch, outer, step, low, high):
  return jnp.minimum(low[batch, outer] + step, high[batch, outer])


def _outer_4d(batch, head, outer, step, low, high):
  return batch, head, outer, 0


def _inner_4d(batch, head, outer, step, low, high):
  return batch, head, _clamped(batch, outer, step, low, high), 0


def _outer_3d(batch, head, outer, step, low, high):
  return batch, outer, 0


def _inner_3d(batch, head, outer, step, low, high):
  return batch, _clamped(batch, outer, step, low, high), 0


def _outer_row(batch, head, outer, step, low, high):
  return batch, head, 0, outer


def _inner_row(batch, head, outer, step, low, high):
  return batch, head, 0, _clamped(batch, outer, step, low, high)


_PARALLEL = pltpu.CompilerParams(
  dimension_semantics=("parallel", "parallel", "parallel", "arbitrary")
)
