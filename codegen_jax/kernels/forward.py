"""What each query reads, block by block, and the log of what it is divided by."""

import jax
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu
import jax.numpy as jnp
from jaxtyping import Float

from codegen_jax.kernels import scores, walk
from codegen_jax.kernels.readers import Intervals
from codegen_jax.kernels.walk import Blocks, Walk
from codegen_jax.types import Array

LANES = 128  # a query's highest score and its total stand in every lane of its row


def forward(
  q: Float[Array, "B N L H"],
  k: Float[Array, "B N L H"],
  v: Float[Array, "B N L H"],
  mask: Intervals,
  blocks: Blocks,
  interpret: bool,
) -> tuple[Float[Array, "B N L H"], Float[Array, "B N 1 L"]]:
  """Also returns log2 of the sum of a query's weights."""
  batch, heads, length, dim = q.shape
  bq, bk = blocks.queries, blocks.keys
  to_power = scores.base_2(dim)

  def kernel(first, last, open_from, open_until, q_ref, k_ref, v_ref, readers_ref, *rest):
    o_ref, log_ref, highest, total, read = rest
    steps = Walk(first, last, open_from, open_until)
    at = walk.place(steps)
    is_open = walk.is_open(steps, at.outer, at.inner, bq)

    @pl.when(at.is_first)
    def start():
      highest[...] = jnp.full_like(highest, scores.LOWEST)
      total[...] = jnp.zeros_like(total)
      read[...] = jnp.zeros_like(read)

    def step(is_masked: bool):
      s = scores.rows_by_rows(q_ref[0, 0], k_ref[0, 0])
      if is_masked:
        queries = at.outer * bq + jax.lax.broadcasted_iota(jnp.int32, s.shape, 0)
        s = scores.masked(s, queries, readers_ref[0, :1], readers_ref[0, 1:])
      new = jnp.maximum(highest[...], jnp.max(s, axis=1, keepdims=True))
      p = jnp.exp2((s - _lanes(new, bk)) * to_power)
      kept = jnp.exp2((highest[...] - new) * to_power)
      total[...] = total[...] * kept + jnp.sum(p, axis=1, keepdims=True)
      more = jnp.dot(p.astype(v.dtype), v_ref[0, 0], preferred_element_type=jnp.float32)
      read[...] = read[...] * _lanes(kept, dim) + more
      highest[...] = new

    pl.when(at.is_needed & is_open)(lambda: step(is_masked=False))
    pl.when(at.is_needed & ~is_open)(lambda: step(is_masked=True))

    @pl.when(at.is_last)
    def finish():
      o_ref[0, 0] = (read[...] / _lanes(total[...], dim)).astype(o_ref.dtype)
      log_total = highest[...] * to_power + jnp.log2(total[...])
      log_ref[0, 0] = log_total.T[:1]

  of_queries = pl.BlockSpec((1, 1, bq, dim), walk.outer_4d)
  of_keys = pl.BlockSpec((1, 1, bk, dim), walk.inner_4d)
  out = pl.pallas_call(
    kernel,
    grid_spec=pltpu.PrefetchScalarGridSpec(
      num_scalar_prefetch=4,
      grid=(batch, heads, length // bq, length // bk),
      in_specs=[of_queries, of_keys, of_keys, pl.BlockSpec((1, 2, bk), walk.inner_columns)],
      out_specs=[of_queries, pl.BlockSpec((1, 1, 1, bq), walk.outer_row)],
      scratch_shapes=[
        pltpu.VMEM((bq, LANES), jnp.float32),
        pltpu.VMEM((bq, LANES), jnp.float32),
        pltpu.VMEM((bq, dim), jnp.float32),
      ],
    ),
    out_shape=[
      jax.ShapeDtypeStruct(q.shape, q.dtype),
      jax.ShapeDtypeStruct((batch, heads, 1, length), jnp.float32),
    ],
    compiler_params=pltpu.CompilerParams(
      dimension_semantics=("parallel", "parallel", "parallel", "arbitrary")
    ),
    interpret=interpret,
    name="prefix_attention_forward",
  )(*walk.over_keys(mask, blocks), q, k, v, jnp.swapaxes(mask.of_keys(), 1, 2))
  return tuple(out)


def _lanes(column: Array, width: int) -> Array:
  return jnp.tile(column, (1, pl.cdiv(width, LANES)))[:, :width]
