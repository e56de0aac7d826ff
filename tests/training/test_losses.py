"""Nats and normalisers against optax and by hand."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import optax
import pytest

from codegen_jax.training import losses

RNG = np.random.default_rng(0)
LOGITS = (3 * RNG.standard_normal((2, 5, 7))).astype(np.float32)
TARGETS = RNG.integers(0, 7, (2, 5)).astype(np.int32)
HIDDEN = RNG.standard_normal((2, 5, 3)).astype(np.float32)
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


def by_hand(hidden, head, scored=SCORED, z_loss=0.1):
  """All logits at once, and optax."""
  logits = jnp.einsum("BLD,DV->BLV", hidden, head["kernel"]) + head.get("bias", 0)
  nats = optax.softmax_cross_entropy_with_integer_labels(logits, TARGETS)
  squares = jax.nn.logsumexp(logits, -1) ** 2
  return jnp.sum(nats + z_loss * squares, where=scored), (nats, squares)


def head(bias: bool = True) -> dict[str, np.ndarray]:
  weights = {"kernel": RNG.standard_normal((3, 7)).astype(np.float32)}
  return weights | ({"bias": RNG.standard_normal(7).astype(np.float32)} if bias else {})


@pytest.mark.parametrize("chunks", [1, 5])
@pytest.mark.parametrize("bias", [True, False])
def test_value_and_gradient_are_those_of_all_logits_at_once(chunks, bias):
  weights = head(bias)

  def ours(hidden, weights):
    total, loss = losses.next_token_loss(hidden, weights, TARGETS, SCORED, 0.1, chunks)
    return 3.0 * total, loss  # scaled, as a mean would

  def theirs(hidden, weights):
    total, parts = by_hand(hidden, weights)
    return 3.0 * total, parts

  (total, loss), grads = jax.value_and_grad(ours, (0, 1), has_aux=True)(HIDDEN, weights)
  (wanted, (nats, squares)), wanted_grads = jax.value_and_grad(theirs, (0, 1), has_aux=True)(
    HIDDEN, weights
  )
  assert_allclose(total, wanted, rtol=1e-5)
  assert_allclose(loss.cross_entropy, nats[SCORED].sum(), rtol=1e-5)
  assert_allclose(loss.z_loss, squares[SCORED].sum(), rtol=1e-5)
  assert loss.scored == 4
  jax.tree.map(lambda a, b: assert_allclose(a, b, rtol=1e-4, atol=1e-5), grads, wanted_grads)
  assert_allclose(ours(HIDDEN, weights)[0], total, rtol=1e-6)  # without a gradient


def test_what_is_not_scored_says_nothing():
  grad = jax.grad(lambda h: losses.next_token_loss(h, head(), TARGETS, SCORED, 0.1, 5)[0])
  assert_array_equal(np.abs(grad(HIDDEN)).max(-1) > 0, SCORED)


def test_nats_are_the_same_in_any_number_of_parts():
  weights = head()
  wanted = by_hand(HIDDEN, weights)[1][0]
  for chunks in (1, 5):
    got = losses.token_nats(HIDDEN, weights, TARGETS, chunks=chunks)
    assert_allclose(got, wanted, rtol=1e-5)


def test_no_array_is_as_large_as_all_logits():
  """Batch 2, 64 tokens, 1,000 ids: in 16 parts, no more than 8 tokens' logits at once, twice."""
  shape, ids = (2, 64), 1_000
  kernel = np.zeros((3, ids), np.float32)
  hidden, targets = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.int32)
  scored = np.ones(shape, bool)

  def temporaries(chunks: int) -> int:
    def loss(hidden, kernel):
      head = {"kernel": kernel}
      return losses.next_token_loss(hidden, head, targets, scored, 0.1, chunks)[0]

    compiled = jax.jit(jax.grad(loss, (0, 1))).lower(hidden, kernel).compile()
    return compiled.memory_analysis().temp_size_in_bytes

  all_logits = 4 * math.prod(shape) * ids
  assert temporaries(16) < all_logits / 4 < all_logits <= temporaries(1)


def test_bfloat16_is_summed_in_float32():
  rough = jnp.asarray(HIDDEN, jnp.bfloat16)
  weights = {"kernel": jnp.asarray(head()["kernel"], jnp.bfloat16).astype(jnp.float32)}
  _, got = losses.next_token_loss(rough, weights, TARGETS, SCORED, 0.0, 1)
  exact = rough.astype(jnp.float32)
  _, wanted = losses.next_token_loss(exact, weights, TARGETS, SCORED, 0.0, 1)
  assert {leaf.dtype for leaf in jax.tree.leaves(got)} == {jnp.dtype("float32")}
  assert_allclose(got.cross_entropy, wanted.cross_entropy, rtol=1e-6)
