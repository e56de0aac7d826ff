"""One update is the gradient of the mean over what the whole batch scores."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import optax
import pytest

from codegen_jax.models import masks
from codegen_jax.models.transformer import Transformer
from codegen_jax.training import optimizer
from codegen_jax.training.state import TrainState
from codegen_jax.training.step import _split, make_train_step
from codegen_jax.types import Batch, Metrics
from tests.tiny import CONFIG, packed, random_batch, random_params, stacked

MODEL = Transformer(CONFIG)
RATE = 0.05
SGD = optax.sgd(RATE)  # so that an update is the gradient, and nothing is rescaled


@functools.cache
def step_of(attention: masks.Attention, microbatches: int, chunks: int):
  return jax.jit(
    make_train_step(
      MODEL, SGD, attention=attention, microbatches=microbatches, loss_chunks=chunks, z_loss=0.01
    )
  )


def after(
  batch: Batch,
  *,
  attention: masks.Attention = "prefix",
  microbatches: int = 1,
  chunks: int = 1,
) -> tuple[TrainState, Metrics]:
  params = random_params(np.random.default_rng(0))
  state = TrainState(jnp.zeros((), jnp.int32), params, SGD.init(params))
  return step_of(attention, microbatches, chunks)(state, batch)


def unequal_batch() -> Batch:
  """Eight rows that score 11, 0, 2, 1, 11, 0, 3 and 1 targets."""
  rng = np.random.default_rng(1)
  batch = stacked(*[packed(rng.integers(0, 48, 12).tolist()) for _ in range(8)])
  counts = np.array([11, 0, 2, 1, 11, 0, 3, 1])
  return batch.replace(loss_mask=np.arange(12) < counts[:, None])


def test_what_stands_still_costs_no_gradient_and_what_moves_moves_the_same():
  config = optimizer.OptimizerConfig(
    1e-2, 1e-3, warmup_steps=0, anneal_steps=50, trained_rows=(3, 5)
  )
  batch = random_batch(np.random.default_rng(1), 8, 12)
  made = optimizer.make_optimizer(config)
  params = random_params(np.random.default_rng(0))
  state = TrainState(jnp.zeros((), jnp.int32), params, made.init(params))
  moved, flops = [], []
  for learned in (optimizer.learned(config), None):
    step = jax.jit(make_train_step(MODEL, made, attention="causal", learned=learned))
    flops.append(step.lower(state, batch).compile().cost_analysis()["flops"])
    moved.append(step(state, batch)[0].params)
  assert flops[0] < 0.8 * flops[1]
  same = jax.tree.map(lambda a, b: np.allclose(a, b, rtol=1e-4, atol=1e-6), *moved)
  assert all(jax.tree.leaves(same))
  assert not np.array_equal(moved[0]["embedding"]["table"], params["embedding"]["table"])


def test_an_update_is_the_gradient_of_the_mean_over_scored_targets():
  batch = random_batch(np.random.default_rng(1), 8, 12)
  scored = np.asarray(masks.scored_targets(batch, "prefix"))
  params = random_params(np.random.default_rng(0))

  def by_hand(params):
    mask = masks.training_mask(batch, "prefix")
    logits = MODEL.apply({"params": params}, batch.inputs, mask=mask)
    nats = optax.softmax_cross_entropy_with_integer_labels(logits, batch.targets)[scored].mean()
    squares = (jax.nn.logsumexp(logits, -1)[scored] ** 2).mean()
    return nats + 0.01 * squares, (nats, squares)

  grads, (nats, squares) = jax.jit(jax.grad(by_hand, has_aux=True))(params)
  state, metrics = after(batch)
  jax.tree.map(
    lambda new, old, grad: assert_allclose(new, old - RATE * grad, rtol=1e-5, atol=1e-6),
    state.params, params, grads,
  )  # fmt: skip
  assert_allclose(metrics["loss"], nats, rtol=1e-5)
  assert_allclose(metrics["z_loss"], squares, rtol=1e-5)
  assert_allclose(metrics["grad_norm"], optax.global_norm(grads), rtol=1e-5)
  assert state.step == 1


@pytest.mark.parametrize("microbatches,chunks", [(2, 1), (4, 1), (1, 3), (2, 4)])
def test_microbatches_and_chunks_give_the_update_of_the_whole_batch(microbatches, chunks):
  batch = unequal_batch()
  whole, wanted = after(batch)
  parts, got = after(batch, microbatches=microbatches, chunks=chunks)
  assert wanted["scored_tokens"] == 29
  assert wanted.keys() == got.keys()
  for name in wanted:
    assert_allclose(got[name], wanted[name], rtol=1e-5)
  jax.tree.map(lambda a, b: assert_allclose(a, b, rtol=1e-5, atol=1e-6), parts.params, whole.params)
  moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), whole.params, after_nothing().params)
  assert min(jax.tree.leaves(moved)) > 1e-5  # so that 1e-6 apart means something


def after_nothing() -> TrainState:
  batch = unequal_batch()
  return after(batch.replace(loss_mask=np.zeros_like(batch.loss_mask)))[0]


@pytest.mark.parametrize("microbatches", [1, 4])
def test_a_batch_that_scores_nothing_teaches_nothing(microbatches):
  batch = stacked(*[packed([1, 2, 3, 4, 5], prefix=5)] * 8)
  state, metrics = after(batch, microbatches=microbatches)
  assert {name: float(value) for name, value in metrics.items()} == {
    "loss": 0, "z_loss": 0, "scored_tokens": 0, "all_tokens": 40, "grad_norm": 0,
    "skipped": 0,
  }  # fmt: skip
  jax.tree.map(assert_array_equal, state.params, random_params(np.random.default_rng(0)))


def test_tokens_are_counted_as_read_and_as_scored():
  row = packed([1, 2, 3, 4, 5], [6, 7], prefix=[3, 0], length=12)
  batch = stacked(*[row] * 8)
  _, metrics = after(batch)
  assert (metrics["all_tokens"], metrics["scored_tokens"]) == (8 * 7, 8 * 3)
  _, metrics = after(batch, attention="causal")
  assert (metrics["all_tokens"], metrics["scored_tokens"]) == (8 * 7, 8 * 5)


def test_every_microbatch_takes_rows_from_everywhere():
  """Its rows lie a stride apart, so that no device waits while others work."""
  assert _split(jnp.arange(8), 2).tolist() == [[0, 2, 4, 6], [1, 3, 5, 7]]
