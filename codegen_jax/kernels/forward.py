"""What each query reads, block by block, and the log of what it divides by."""

import jax
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu
import jax.numpy as jnp
from jaxtyping import Float

from codegen_jax.kernels import scores, walk
from codegen_jax.kernels.readers import Intervals
from codegen_jax.kernels.walk import Blocks, Walk
from codegen_jax.types import Array


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
      s = scores.rows_by_rows(k_ref[0, 0], q_ref[0, 0])
      if is_masked:
        s = scores.masked(s, readers_ref[0], at.outer * bq)
      new = jnp.maximum(highest[...], jnp.max(s, axis=0, keepdims=True))
      p = jnp.exp2((s - new) * to_power)
      kept = jnp.exp2((highest[...] - new) * to_power)
      total[...] = total[...] * kept + jnp.sum(p, axis=0, keepdims=True)
      read[...] = read[...] * kept + scores.columns_by_columns(v_ref[0, 0], p.astype(v.dtype))
      highest[...] = new

    pl.when(at.is_needed & is_open)(lambda: step(is_masked=False))
    pl.when(at.is_needed & ~is_open)(lambda: step(is_masked=True))

    @pl.when(at.is_last)
    def finish():
      o_ref[0, 0] = (read[...] / total[...]).T.astype(o_ref.dtype)
      log_ref[0, 0] = highest[...] * to_power + jnp.log2(total[...])

  of_queries = pl.BlockSpec((1, 1, bq, dim), walk.outer_4d)
  of_keys = pl.BlockSpec((1, 1, bk, dim), walk.inner_4d)
  out = pl.pallas_call(
    kernel,
    grid_spec=pltpu.PrefetchScalarGridSpec(
      num_scalar_prefetch=4,
      grid=(batch, heads, length // bq, length // bk),
      in_specs=[of_queries, of_keys, of_keys, pl.BlockSpec((1, bk, 2), walk.inner_3d)],
      out_specs=[of_queries, pl.BlockSpec((1, 1, 1, bq), walk.outer_row)],
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
    compiler_params=pltpu.CompilerParams(
      dimension_semantics=("parallel", "parallel", "parallel", "arbitrary")
    ),
    interpret=interpret,
    name="prefix_attention_forward",
  )(*walk.over_keys(mask, blocks), q, k, v, mask.of_keys())
  return tuple(out)
