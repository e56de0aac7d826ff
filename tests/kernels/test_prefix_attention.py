"""The TPU's kernel, interpreted, against float64 and against the reference."""

import jax
import jax.numpy as jnp
import numpy as np
from numpy.testing import assert_allclose
import pytest

from codegen_jax.kernels import prefix_attention, readers
from codegen_jax.kernels.walk import Blocks
from codegen_jax.models import attention, masks
from codegen_jax.types import Batch
from tests.tiny import packed, stacked

BLOCKS = Blocks(128, 128)
RNG = np.random.default_rng(0)


def rows(length: int) -> Batch:
  """Documents that end inside a block, fill one, and cross several; a prefix of each kind."""
  third = length // 3
  return stacked(
    packed([1] * third, [2] * (third + 1), [3] * 2, prefix=[third // 2, 0, 2], length=length),
    packed([1] * length, prefix=length - 1),
  )


def operands(length: int, heads: int = 2, dim: int = 8) -> tuple[np.ndarray, ...]:
  shape = (2, length, heads, dim)
  return tuple(RNG.standard_normal(shape).astype(np.float32) for _ in range(4))


def kernel(mask: masks.AttentionMask, blocks: Blocks = BLOCKS):
  intervals = readers.intervals(mask.segment_ids, mask.positions, mask.prefix_mask)
  return lambda q, k, v: prefix_attention.attention(
    q, k, v, intervals, blocks=blocks, interpret=True
  )


def textbook(q, k, v, may_read: np.ndarray):
  """Attention as papers write it, in the operands' own precision; padding reads everything."""
  may_read = may_read | ~may_read.any(axis=-1, keepdims=True)
  scores = jnp.einsum("BLNH,BSNH->BNLS", q, k) * q.shape[-1] ** -0.5
  weights = jax.nn.softmax(jnp.where(may_read[:, None], scores, -jnp.inf), axis=-1)
  return jnp.einsum("BNLS,BSNH->BLNH", weights, v)


@pytest.mark.parametrize("kind", ["causal", "prefix", "bidirectional"])
@pytest.mark.parametrize(("length", "dim"), [(5, 8), (300, 80), (257, 200)])
def test_values_and_gradients_are_exact_to_float32_s_roundings(kind, length, dim):
  batch = rows(length)
  mask = masks.training_mask(batch, kind)
  *qkv, cotangent = operands(length, dim=dim)
  is_text = (batch.segment_ids > 0)[:, :, None, None]

  def value_and_grads(attend, qkv):
    def loss(q, k, v):
      out = jnp.where(is_text, attend(q, k, v), 0)
      return jnp.sum(out * cotangent), out

    (_, out), grads = jax.value_and_grad(loss, (0, 1, 2), has_aux=True)(*qkv)
    return out, *grads

  may_read = np.asarray(mask.dense())
  with jax.enable_x64(True):
    wanted = value_and_grads(
      lambda q, k, v: textbook(q, k, v, may_read), [x.astype(np.float64) for x in qkv]
    )
    wanted = [np.asarray(x) for x in wanted]
  for attend in (kernel(mask), lambda q, k, v: attention.attend(q, k, v, mask)):
    for got, exact in zip(value_and_grads(attend, qkv), wanted, strict=True):
      assert got.dtype == np.float32 and exact.dtype == np.float64 and np.std(exact) > 1e-2
      # A machine sums a few hundred products in its own order: some roundings of the largest.
      assert np.abs(got - exact).max() < 16 * np.finfo(np.float32).eps * np.abs(exact).max()


@pytest.mark.parametrize("blocks", [(256, 128), (128, 256)])
def test_blocks_of_queries_and_of_keys_may_differ(blocks):
  mask = masks.training_mask(rows(300), "prefix")
  *qkv, cotangent = operands(300)

  def grads(attend):
    return jax.grad(lambda q, k, v: jnp.sum(attend(q, k, v) * cotangent), (0, 1, 2))(*qkv)

  again = grads(kernel(mask, Blocks(*blocks)))
  for a, b in zip(grads(kernel(mask)), again, strict=True):
    assert_allclose(a, b, atol=1e-5)


def test_blocks_that_nobody_reads_are_not_computed():
  """Two documents of a block each: what is not a number in one would spoil the other."""
  batch = packed([1] * 128, [2] * 128)
  batch = stacked(batch, batch)
  q, k, v, cotangent = operands(256)
  for x in (q, k, v, cotangent):
    x[:, :128] = np.nan
  attend = kernel(masks.training_mask(batch, "causal"))
  assert np.isfinite(np.asarray(attend(q, k, v))[:, 128:]).all()
  _, vjp = jax.vjp(attend, q, k, v)
  for grad in vjp(cotangent):
    assert np.isfinite(np.asarray(grad)[:, 128:]).all()


def test_bfloat16_is_summed_in_float32():
  mask = masks.training_mask(rows(300), "prefix")
  is_text = (mask.segment_ids > 0)[:, :, None, None]
  *qkv, cotangent = (jnp.asarray(x, jnp.bfloat16) for x in operands(300, dim=64))

  def both(attend, qkv):
    out, vjp = jax.vjp(attend, *qkv)
    return out, *vjp(jnp.where(is_text, cotangent, 0).astype(out.dtype))

  wanted = both(lambda *x: attention.attend(*x, mask), [x.astype(jnp.float32) for x in qkv])
  for got, exact in zip(both(kernel(mask), qkv), wanted, strict=True):
    assert got.dtype == jnp.bfloat16
    # One rounding of what is written, and one of the weights on the way, of which many are summed.
    assert_allclose(np.where(is_text, got, 0), np.where(is_text, exact, 0), rtol=2e-2, atol=3e-2)


def test_a_row_whose_gradient_does_not_fit_is_refused():
  mask = masks.training_mask(packed([1] * 8192), "causal")
  one = jax.ShapeDtypeStruct((1, 8192, 1, 256), jnp.bfloat16)
  both = jax.grad(lambda *qkv: jnp.sum(kernel(mask)(*qkv)).astype(jnp.float32))
  with pytest.raises(ValueError, match="row of 8192 tokens with heads of 256"):
    jax.eval_shape(both, one, one, one)
