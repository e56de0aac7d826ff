"""The gradients by queries, keys and values in one pass over the blocks of scores."""

import jax
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu
import jax.numpy as jnp
from jaxtyping import Float

from codegen_jax.kernels import scores, walk
from codegen_jax.kernels.readers import Intervals
from codegen_jax.kernels.walk import Blocks, Walk
from codegen_jax.types import Array

# A row's gradient by queries, of 16 MiB of VMEM on the smallest of TPUs; the rest is for blocks.
ROW_BYTES = 8 * 2**20


def backward(
  q: Float[Array, "B N L H"],
  k: Float[Array, "B N L H"],
  v: Float[Array, "B N L H"],
  d_out: Float[Array, "B N L H"],
  log_total: Float[Array, "B N 1 L"],
  delta: Float[Array, "B N 1 L"],
  mask: Intervals,
  blocks: Blocks,
  interpret: bool,
) -> tuple[Float[Array, "B N L H"], Float[Array, "B N L H"], Float[Array, "B N L H"]]:
  """The grid goes over keys; the gradient by a whole row's queries waits in VMEM meanwhile.

  Two passes, one for queries and one for keys, would make every score and weight twice.  Scores
  stand transposed, keys by queries: the gradients by keys and values then need no transpose, and
  that by queries one of a block of keys.
  """
  batch, heads, length, dim = q.shape
  # In float32 as it is summed, and twice, so that one row can be written while the next is made.
  needed = length * pl.cdiv(dim, 128) * 128 * (4 + 2 * q.dtype.itemsize)
  if needed > ROW_BYTES:
    raise ValueError(
      f"the gradient of a row of {length} tokens with heads of {dim} takes {needed} bytes of VMEM,"
      f" and a TPU's kernel has {ROW_BYTES} for it; use attention_kernel='fused' or shorter rows"
    )
  bq, bk = blocks.queries, blocks.keys
  to_power, scale = scores.base_2(dim), dim**-0.5

  def kernel(first, last, open_from, open_until, q_ref, k_ref, v_ref, do_ref, *rest):
    log_ref, delta_ref, readers_ref, dq_ref, dk_ref, dv_ref, dq_sum, dk_sum, dv_sum = rest
    steps = Walk(first, last, open_from, open_until)
    at = walk.place(steps)
    is_open = walk.is_open(steps, at.inner, at.outer, bq)

    @pl.when(at.is_first & (at.outer == 0))
    def start_row():
      dq_sum[...] = jnp.zeros_like(dq_sum)

    @pl.when(at.is_first)
    def start():
      dk_sum[...] = jnp.zeros_like(dk_sum)
      dv_sum[...] = jnp.zeros_like(dv_sum)

    def step(is_masked: bool):
      s = scores.rows_by_rows(k_ref[0, 0], q_ref[0, 0])
      if is_masked:
        queries = at.inner * bq + jax.lax.broadcasted_iota(jnp.int32, (1, bq), 1)
        s = scores.masked(s, queries, readers_ref[0, :, :1], readers_ref[0, :, 1:])
      p = jnp.exp2(s * to_power - log_ref[0, 0])
      dp = scores.rows_by_rows(v_ref[0, 0], do_ref[0, 0])
      ds = (p * (dp - delta_ref[0, 0])).astype(q.dtype)
      dv_sum[...] += jnp.dot(
        p.astype(d_out.dtype), do_ref[0, 0], preferred_element_type=jnp.float32
      )
      dk_sum[...] += jnp.dot(ds, q_ref[0, 0], preferred_element_type=jnp.float32)
      here = pl.ds(pl.multiple_of(at.inner * bq, bq), bq)
      dq_sum[:, here] += scores.columns_by_columns(k_ref[0, 0], ds)

    pl.when(at.is_needed & is_open)(lambda: step(is_masked=False))
    pl.when(at.is_needed & ~is_open)(lambda: step(is_masked=True))

    @pl.when(at.is_last)
    def finish():
      dk_ref[0, 0] = (dk_sum[...] * scale).astype(dk_ref.dtype)
      dv_ref[0, 0] = dv_sum[...].astype(dv_ref.dtype)

    @pl.when(at.is_last & (at.outer == pl.num_programs(2) - 1))
    def finish_row():
      dq_ref[0, 0] = (dq_sum[...] * scale).T.astype(dq_ref.dtype)

  of_keys = pl.BlockSpec((1, 1, bk, dim), walk.outer_4d)
  of_queries = pl.BlockSpec((1, 1, bq, dim), walk.inner_4d)
  row = pl.BlockSpec((1, 1, 1, bq), walk.inner_row)
  whole = pl.BlockSpec((1, 1, length, dim), walk.whole_4d)
  out = pl.pallas_call(
    kernel,
    grid_spec=pltpu.PrefetchScalarGridSpec(
      num_scalar_prefetch=4,
      grid=(batch, heads, length // bk, length // bq),
      in_specs=[
        *(of_queries, of_keys, of_keys, of_queries, row, row),
        pl.BlockSpec((1, bk, 2), walk.outer_3d),
      ],
      out_specs=[whole, of_keys, of_keys],
      scratch_shapes=[
        pltpu.VMEM((dim, length), jnp.float32),
        pltpu.VMEM((bk, dim), jnp.float32),
        pltpu.VMEM((bk, dim), jnp.float32),
      ],
    ),
    out_shape=[jax.ShapeDtypeStruct(x.shape, x.dtype) for x in (q, k, v)],
    compiler_params=pltpu.CompilerParams(
      dimension_semantics=("parallel", "parallel", "arbitrary", "arbitrary")
    ),
    interpret=interpret,
    name="prefix_attention_backward",
  )(*walk.over_queries(mask, blocks), q, k, v, d_out, log_total, delta, mask.of_keys())
  return tuple(out)
