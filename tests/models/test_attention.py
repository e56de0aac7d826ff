"""Every way to compute attention says the same, also where it is split over a mesh."""

import dataclasses

import jax
import numpy as np
from numpy.testing import assert_allclose
import pytest

from codegen_jax import partitioning
from codegen_jax.models import masks
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
@pytest.mark.parametrize("kernel", ["fused", "flash"])
def test_kernels_agree(kernel, kind):
  batch = random_batch(np.random.default_rng(1), 2, 12)
  assert_allclose(logits(kernel, kind, batch), logits("reference", kind, batch), atol=1e-5)


def test_a_kernel_is_split_over_the_mesh():
  batch = random_batch(np.random.default_rng(1), 4, 12)
  mesh = partitioning.make_mesh(partitioning.PartitioningConfig(data=2, fsdp=2, model=2))
  with partitioning.on(mesh):
    got = logits("flash", "prefix", batch)
  assert_allclose(got, logits("reference", "prefix", batch), atol=1e-5)
