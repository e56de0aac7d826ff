"""The optimizer against jaxformer's formulas, optax's AdamW and the arithmetic of Adam."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from numpy.testing import assert_allclose
import optax
import pytest

from codegen_jax.errors import InputError
from codegen_jax.training.optimizer import OptimizerConfig, make_optimizer, schedule
from tests import tiny
from tests.tiny import random_params


def jaxformer(step: int, lr_max: float, lr_end: float, warmup: int, anneal: int) -> float:
  """create_lr_schedule_gpt3_fn (jaxformer/utils.py), in Python's numbers."""
  if warmup and step <= warmup:
    return lr_max * step / warmup
  part = min(max((step - warmup) / anneal, 0.0), 1.0)
  return lr_max - (lr_max - lr_end) * (1 - np.cos(np.pi * part)) / 2


@pytest.mark.parametrize(
  "shape", [(3e-4, 3e-5, 3000, 300_000), (1e-3, 0.0, 0, 50), (2.0, 1.0, 5, 1)]
)
def test_schedule_is_jaxformers(shape):
  _, _, warmup, anneal = shape
  steps = {0, 1, 2, warmup - 1, warmup, warmup + 1, warmup + anneal // 2, anneal}
  steps |= {warmup + anneal - 1, warmup + anneal, warmup + anneal + 1, 3 * (warmup + anneal)}
  steps |= set(range(0, warmup + anneal, 1 + (warmup + anneal) // 50))
  rate = schedule(OptimizerConfig(*shape))
  for step in steps - {-1}:
    assert_allclose(rate(step), jaxformer(step, *shape), rtol=1e-5, atol=1e-10)


def test_schedule_at_the_steps_that_a_reader_knows():
  rate = schedule(OptimizerConfig(1.0, 0.1, warmup_steps=10, anneal_steps=100))
  known = {0: 0.0, 5: 0.5, 10: 1.0, 60: 0.55, 110: 0.1, 5000: 0.1}
  assert_allclose([rate(step) for step in known], list(known.values()), rtol=1e-6)


def moved(config: OptimizerConfig, params, grads) -> list:
  """Params after each update."""
  optimizer = make_optimizer(config)
  update, state, path = jax.jit(optimizer.update), optimizer.init(params), []
  for grad in grads:
    updates, state = update(grad, state, params)
    params = optax.apply_updates(params, updates)
    path.append(params)
  return path


def toy(seed: int, scale: float = 1.0) -> dict:
  rng = np.random.default_rng(seed)
  return {"a": scale * rng.standard_normal((3, 2)), "b": scale * rng.standard_normal((2, 2))}


def test_updates_are_those_of_adam_with_clipping_and_decay():
  """Three updates by the formulas; the second gradient alone is longer than 1."""
  config = OptimizerConfig(0.1, 0.02, 2, 4, weight_decay=0.3)
  params, grads = toy(0), [toy(1, 0.1), toy(2, 5.0), toy(3, 0.1)]
  norms = [np.sqrt(sum((g**2).sum() for g in grad.values())) for grad in grads]
  assert [norm > 1 for norm in norms] == [False, True, False]

  got = moved(config, jax.tree.map(jnp.asarray, params), grads)
  m = v = dict.fromkeys(params, 0.0)
  for t, (grad, norm) in enumerate(zip(grads, norms, strict=True), start=1):
    grad = {name: g / max(norm, 1.0) for name, g in grad.items()}
    m = {name: 0.9 * m[name] + 0.1 * g for name, g in grad.items()}
    v = {name: 0.999 * v[name] + 0.001 * g**2 for name, g in grad.items()}
    rate = jaxformer(t - 1, 0.1, 0.02, 2, 4)
    for name, p in params.items():
      direction = m[name] / (1 - 0.9**t) / (np.sqrt(v[name] / (1 - 0.999**t)) + 1e-8)
      params[name] = p - rate * (direction + 0.3 * p)
      assert_allclose(got[t - 1][name], params[name], rtol=1e-5, atol=1e-6)


def test_short_gradients_update_as_optax_adamw():
  config = OptimizerConfig(0.1, 0.01, 0, 3)
  params, grads = jax.tree.map(jnp.asarray, toy(0)), [toy(seed, 0.1) for seed in range(1, 5)]
  adamw = optax.adamw(schedule(config), b1=0.9, b2=0.999, eps=1e-8, weight_decay=0.1)
  state, wanted = adamw.init(params), params
  for grad in grads:
    updates, state = adamw.update(grad, state, wanted)
    wanted = optax.apply_updates(wanted, updates)
  got = moved(config, params, grads)[-1]
  jax.tree.map(lambda a, b: assert_allclose(a, b, rtol=1e-6), got, wanted)


@pytest.mark.parametrize(("length", "kept"), [(100.0, 1.0), (1.5, 1.0), (0.5, 0.5)])
def test_a_gradient_is_cut_to_norm_one_over_all_weights_together(length, kept):
  grad = toy(1)
  norm = optax.global_norm(grad)
  grad = jax.tree.map(lambda g: g * length / norm, grad)
  optimizer = make_optimizer(OptimizerConfig(0.1, 0.1, 0, 1))
  _, state = optimizer.update(grad, optimizer.init(toy(0)), toy(0))
  first_moment = optax.tree_utils.tree_get(state, "mu")
  assert_allclose(optax.global_norm(first_moment), 0.1 * kept, rtol=1e-5)


MATRICES = {
  "embedding.table",
  "blocks.attention.query.kernel",
  "blocks.attention.key.kernel",
  "blocks.attention.value.kernel",
  "blocks.attention.out.kernel",
  "blocks.mlp.in.kernel",
  "blocks.mlp.out.kernel",
  "head.kernel",
}
STACKED = {"blocks.norm.scale", "blocks.norm.bias", "blocks.mlp.in.bias", "blocks.mlp.out.bias"}
NEVER = {"final_norm.scale", "final_norm.bias", "head.bias"}


@pytest.mark.parametrize(
  ("mask", "decayed"), [("matrices", MATRICES), ("jaxformer", MATRICES | STACKED)]
)
def test_what_decays(mask, decayed):
  """Without a gradient, a weight moves only if it decays, and then by rate x decay."""
  params = jax.tree.map(np.ones_like, random_params(np.random.default_rng(0)))
  config = OptimizerConfig(0.5, 0.5, 0, 1, weight_decay=0.2, weight_decay_mask=mask)
  (after,) = moved(config, params, [jax.tree.map(np.zeros_like, params)])
  expected = dict.fromkeys(MATRICES | STACKED | NEVER, 1.0) | dict.fromkeys(decayed, 0.9)
  got = {
    ".".join(key.key for key in path): leaf
    for path, leaf in jax.tree_util.tree_leaves_with_path(after)
  }
  assert got.keys() == expected.keys()
  for name, leaf in got.items():
    assert_allclose(leaf, expected[name], rtol=1e-6, err_msg=name)


def test_a_bias_is_no_matrix_however_many_axes_it_has():
  params = {"blocks": {"query": {name: np.ones((2, 3, 4)) for name in ("bias", "kernel")}}}
  config = OptimizerConfig(0.5, 0.5, 0, 1, weight_decay=0.2, weight_decay_mask="matrices")
  (after,) = moved(config, params, [jax.tree.map(np.zeros_like, params)])
  assert_allclose(after["blocks"]["query"]["bias"], 1.0)
  assert_allclose(after["blocks"]["query"]["kernel"], 0.9, rtol=1e-6)


@pytest.mark.parametrize(
  ("change", "sentence"),
  [
    ({"end_learning_rate": 0.2}, r"end_learning_rate is 0.2; .* peak_learning_rate \(0.1\)"),
    ({"end_learning_rate": -1.0}, "end_learning_rate is -1.0"),
    ({"warmup_steps": -1}, "warmup_steps is -1"),
    ({"anneal_steps": 0}, "anneal_steps 0"),
  ],
)
def test_schedules_that_cannot_be_are_refused(change, sentence):
  usual = {
    "peak_learning_rate": 0.1, "end_learning_rate": 0.1, "warmup_steps": 1, "anneal_steps": 1,
  }  # fmt: skip
  OptimizerConfig(**usual)
  with pytest.raises(InputError, match=sentence):
    OptimizerConfig(**usual | change)


PROMPT = OptimizerConfig(1e-2, 1e-3, warmup_steps=0, anneal_steps=50)


def test_prompt_tuning_moves_its_rows_as_adam_does_and_nothing_else():
  config = dataclasses.replace(PROMPT, trained_rows=(3, 5), weight_decay=0.5)
  params = tiny.random_params(np.random.default_rng(0), tiny.CONFIG)
  grads = tiny.random_params(np.random.default_rng(1), tiny.CONFIG)
  optimizer, state = make_optimizer(config), None
  state = optimizer.init(params)
  sizes = sorted({leaf.shape for leaf in jax.tree.leaves(state)}, key=len)
  assert sizes == [(), params["embedding"]["table"].shape]  # no moments of what is frozen
  moved = params
  for _ in range(3):
    updates, state = optimizer.update(grads, state, moved)
    moved = optax.apply_updates(moved, updates)
  rows = np.asarray(moved["embedding"]["table"] != params["embedding"]["table"]).any(1)
  assert np.flatnonzero(rows).tolist() == [3, 4]
  others = jax.tree.map(lambda a, b: bool(np.all(a == b)), moved, params)
  assert all(jax.tree.leaves({**others, "embedding": {}}))
  # As if there were no other weights, and no decay.
  alone = dataclasses.replace(config, trained_rows=None, weight_decay=0.0)
  rows, wanted = {"x": grads["embedding"]["table"][3:5]}, {"x": params["embedding"]["table"][3:5]}
  optimizer, state = make_optimizer(alone), make_optimizer(alone).init(wanted)
  for _ in range(3):
    updates, state = optimizer.update(rows, state, wanted)
    wanted = optax.apply_updates(wanted, updates)
  np.testing.assert_allclose(moved["embedding"]["table"][3:5], wanted["x"], rtol=1e-6)


@pytest.mark.parametrize("rows", [(5, 5), (-1, 3), (4, 2)])
def test_rows_that_are_none_are_refused(rows):
  with pytest.raises(InputError, match="trained_rows is"):
    dataclasses.replace(PROMPT, trained_rows=rows)
