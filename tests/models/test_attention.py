"""Every way to compute attention says the same, also where it is split over a mesh."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from numpy.testing import assert_allclose
import pytest

from codegen_jax import partitioning
from codegen_jax.errors import InputError
from codegen_jax.models import attention, masks
from codegen_jax.models.transformer import Transformer
from tests.tiny import CONFIG, random_batch, random_params

PARAMS = random_params(np.random.default_rng(0))


def logits(kernel: str, kind: masks.Attention, batch) -> np.ndarray:
  model = Transformer(dataclasses.replace(CONFIG, attention_kernel=kernel))

  @jax.jit
  def run(batch):
    mask = masks.training_mask(batch, kind)
    return model.apply({"params": PARAMS}, batch.inputs, mask=mask)

  return np.where((batch.segment_ids > 0)[:, :, None], run(batch), 0)


@pytest.mark.parametrize("kind", ["causal", "prefix", "bidirectional"])
@pytest.mark.parametrize("kernel", ["blockwise", "fused", "flash"])
def test_kernels_agree(kernel, kind):
  batch = random_batch(np.random.default_rng(1), 2, 12)
  assert_allclose(logits(kernel, kind, batch), logits("reference", kind, batch), atol=1e-5)


@pytest.mark.parametrize("kind", ["causal", "prefix", "bidirectional"])
def test_the_fused_way_has_the_values_and_the_gradients_of_the_reference(kind):
  batch = random_batch(np.random.default_rng(1), 2, 13)
  mask = masks.training_mask(batch, kind)
  *qkv, d_out = np.random.default_rng(2).standard_normal((4, 2, 13, 2, 8), np.float32)
  d_out = np.where((batch.segment_ids > 0)[:, :, None, None], d_out, 0)

  def both(kernel):
    out, vjp = jax.vjp(lambda q, k, v: attention.attend(q, k, v, mask, kernel), *qkv)
    return jnp.where(d_out == 0, 0, out), *vjp(d_out)

  for got, wanted in zip(both("fused"), both("reference"), strict=True):
    assert_allclose(got, wanted, atol=1e-5)
    assert np.std(wanted) > 0.1


@pytest.mark.parametrize(
  ("dtype", "sentence"),
  [
    ("float32", "computes in bfloat16 or float16 and not in float32; set dtype"),
    ("bfloat16", "needs an NVIDIA GPU and its cuDNN"),
  ],
)
def test_cudnn_is_refused_where_it_cannot_work(dtype, sentence):
  if jax.default_backend() == "gpu" and dtype == "bfloat16":
    pytest.skip("this machine has a GPU, where cuDNN works and nothing is refused")
  rows = jnp.ones((1, 8, 2, 64), dtype)
  mask = masks.training_mask(random_batch(np.random.default_rng(0), 1, 8), "causal")
  with pytest.raises(InputError, match=sentence):
    attention.attend(rows, rows, rows, mask, "cudnn")


def test_a_kernel_is_split_over_the_mesh():
  batch = random_batch(np.random.default_rng(1), 4, 12)
  mesh = partitioning.make_mesh(partitioning.PartitioningConfig(data=2, fsdp=2, model=2))
  with partitioning.on(mesh):
    got = logits("flash", "prefix", batch)
  assert_allclose(got, logits("reference", "prefix", batch), atol=1e-5)


@pytest.mark.parametrize("kind", ["causal", "prefix"])
def test_gradients_of_blocks_are_those_of_the_reference(kind):
  batch = random_batch(np.random.default_rng(1), 2, 12)
  mask = masks.training_mask(batch, kind)
  rng = np.random.default_rng(2)
  q, k, v, weights = (rng.standard_normal((2, 12, 4, 6)).astype(np.float32) for _ in range(4))

  def gradients(kernel):
    read = lambda q, k, v: jnp.sum(weights * attention.attend(q, k, v, mask, kernel))  # noqa: E731
    return jax.grad(read, (0, 1, 2))(q, k, v)

  for got, wanted in zip(gradients("blockwise"), gradients("reference"), strict=True):
    assert_allclose(got, wanted, atol=1e-5)
    assert np.abs(wanted).max() > 0.1
