"""Nats and normalisers against optax and by hand."""

import jax
import jax.numpy as jnp
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import optax

from codegen_jax.training import losses

RNG = np.random.default_rng(0)
LOGITS = (3 * RNG.standard_normal((2, 5, 7))).astype(np.float32)
TARGETS = RNG.integers(0, 7, (2, 5)).astype(np.int32)
SCORED = np.array([[1, 0, 1, 1, 0], [0, 0, 0, 1, 0]], bool)


def test_cross_entropy_equals_optax():
  nats, log_z = losses.cross_entropy(LOGITS, TARGETS)
  wanted = optax.softmax_cross_entropy_with_integer_labels(LOGITS, TARGETS)
  assert_allclose(nats, wanted, rtol=1e-5, atol=1e-6)
  assert_allclose(log_z, np.log(np.exp(LOGITS).sum(-1)), rtol=1e-5)


def test_a_certain_answer_costs_nothing_and_a_guess_costs_its_logarithm():
  sure = np.array([[[60.0, 0, 0, 0]]], np.float32)
  for target, nats in ((0, 0.0), (1, 60.0)):
    assert_allclose(losses.cross_entropy(sure, np.array([[target]]))[0], [[nats]], atol=1e-6)
  nats, log_z = losses.cross_entropy(np.zeros((1, 1, 4), np.float32), np.array([[2]]))
  assert_allclose((nats, log_z), np.full((2, 1, 1), np.log(4)), rtol=1e-6)


def test_sums_are_over_scored_targets_only():
  got = losses.next_token_loss(LOGITS, TARGETS, SCORED)
  log_z = np.log(np.exp(LOGITS).sum(-1))
  said = np.take_along_axis(LOGITS, TARGETS[..., None], -1)[..., 0]
  assert_allclose(got.cross_entropy, (log_z - said)[SCORED].sum(), rtol=1e-5)
  assert_allclose(got.z_loss, (log_z**2)[SCORED].sum(), rtol=1e-5)
  assert got.scored == 4

  elsewhere = np.where(SCORED[..., None], LOGITS, 100 * LOGITS)
  for a, b in zip(
    jax.tree.leaves(got),
    jax.tree.leaves(losses.next_token_loss(elsewhere, TARGETS, SCORED)),
    strict=True,
  ):
    assert_array_equal(a, b)


def test_bfloat16_logits_are_summed_in_float32():
  rough = jnp.asarray(LOGITS, jnp.bfloat16)
  got = losses.next_token_loss(rough, TARGETS, SCORED)
  wanted = losses.next_token_loss(rough.astype(jnp.float32), TARGETS, SCORED)
  assert {leaf.dtype for leaf in jax.tree.leaves(got)} == {jnp.dtype("float32")}
  assert_allclose(got.cross_entropy, wanted.cross_entropy, rtol=1e-6)
