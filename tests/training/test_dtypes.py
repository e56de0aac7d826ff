"""Which type weights, moments and sums of gradients are kept in, and that none changes unseen."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import optax
import pytest

from codegen_jax import partitioning
from codegen_jax.checkpoint.checkpoints import Checkpoints
from codegen_jax.checkpoint.params import restore_params
from codegen_jax.checkpoint.retention import Retention
from codegen_jax.errors import InputError
from codegen_jax.models import masks
from codegen_jax.models.transformer import Transformer
from codegen_jax.partitioning import PartitioningConfig
from codegen_jax.training import state as train_state
from codegen_jax.training.optimizer import OptimizerConfig, make_optimizer
from codegen_jax.training.state import TrainState
from codegen_jax.training.step import make_train_step
from tests.tiny import CONFIG, random_batch, random_params

HALF = dataclasses.replace(CONFIG, param_dtype="bfloat16")
LLAMA = dataclasses.replace(HALF, block="llama", mlp_dim=40)
SCHEDULE = OptimizerConfig(0.01, 0.01, 0, 10)


@functools.cache
def fresh(config=CONFIG, **optimizer) -> TrainState:
  mesh = partitioning.make_mesh(PartitioningConfig(1, 1, 1))
  made = make_optimizer(dataclasses.replace(SCHEDULE, **optimizer))
  return train_state.create(Transformer(config), made, mesh, seed=0)


def types(tree) -> dict[str, set[str]]:
  """{"scale": {"float32"}, ...}: of all arrays of that name."""
  found = {}
  for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
    found.setdefault(path[-1].key, set()).add(str(leaf.dtype))
  return found


@pytest.mark.parametrize("config", [HALF, LLAMA], ids=lambda config: config.block)
def test_weights_in_bfloat16_are_those_in_float32_rounded_and_vectors_stay(config):
  params = fresh(config).params
  vectors = {"scale": {"float32"}} | ({"bias": {"float32"}} if config == HALF else {})
  assert types(params) == {"kernel": {"bfloat16"}, "table": {"bfloat16"}} | vectors
  exact = fresh(dataclasses.replace(config, param_dtype="float32")).params
  assert types(exact) == {name: {"float32"} for name in types(params)}
  jax.tree.map(lambda a, b: assert_array_equal(a, b.astype(a.dtype)), params, exact)


def test_a_network_reads_bfloat16_weights_as_the_numbers_they_are():
  batch = random_batch(np.random.default_rng(0), 2, 12)
  mask = masks.training_mask(batch, "causal")
  params = fresh(HALF).params
  lifted = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), params)
  got, wanted = (
    jax.jit(Transformer(config).apply)({"params": weights}, batch.inputs, mask=mask)
    for config, weights in ((HALF, params), (CONFIG, lifted))
  )
  assert_array_equal(got, wanted)


@pytest.mark.parametrize("weights", ["float32", "bfloat16"])
@pytest.mark.parametrize("first", ["float32", "bfloat16"])
def test_moments_have_their_own_types_before_and_after_an_update(weights, first):
  config = dataclasses.replace(CONFIG, param_dtype=weights)
  optimizer = make_optimizer(dataclasses.replace(SCHEDULE, first_moment_dtype=first))
  state = fresh(config, first_moment_dtype=first)
  step = jax.jit(make_train_step(Transformer(config), optimizer, attention="causal"))
  after, _ = step(state, random_batch(np.random.default_rng(0), 8, 12))
  for one in (state, after):
    moments = {name: optax.tree_utils.tree_get(one.opt_state, name) for name in ("mu", "nu")}
    assert set().union(*types(moments["mu"]).values()) == {first}
    assert set().union(*types(moments["nu"]).values()) == {"float32"}
  assert types(after.params) == types(state.params)


def test_an_update_of_bfloat16_weights_is_float32_s_rounded_once():
  rng = np.random.default_rng(0)
  optimizer = make_optimizer(SCHEDULE)
  params = jax.tree.map(lambda x: jnp.asarray(x, jnp.bfloat16), random_params(rng))
  grads = jax.tree.map(lambda x: jnp.asarray(x, jnp.bfloat16), random_params(rng))
  lift = lambda tree: jax.tree.map(lambda x: x.astype(jnp.float32), tree)  # noqa: E731

  def updated(params, grads):
    updates, _ = jax.jit(optimizer.update)(grads, optimizer.init(params), params)
    return optax.apply_updates(params, updates)

  exact = updated(lift(params), lift(grads))
  got = updated(params, grads)
  jax.tree.map(lambda a, b: assert_array_equal(a, b.astype(jnp.bfloat16)), got, exact)


def test_a_first_moment_in_bfloat16_moves_weights_nearly_as_float32():
  rng = np.random.default_rng(0)
  params, grads = random_params(rng), random_params(rng)

  def moved(dtype: str):
    optimizer = make_optimizer(dataclasses.replace(SCHEDULE, first_moment_dtype=dtype))
    state, path = optimizer.init(params), params
    for _ in range(3):
      updates, state = jax.jit(optimizer.update)(grads, state, path)
      path = optax.apply_updates(path, updates)
    return jax.tree.map(lambda a, b: a - b, path, params)

  exact, rounded = moved("float32"), moved("bfloat16")
  jax.tree.map(lambda a, b: assert_allclose(a, b, rtol=0.02, atol=1e-5), rounded, exact)
  assert any(np.any(a != b) for a, b in zip(*map(jax.tree.leaves, (rounded, exact)), strict=True))


def test_gradients_of_bfloat16_weights_are_summed_in_float32():
  """A part's gradient is rounded to its weight's type; the sum of 64 parts is not."""
  batch = random_batch(np.random.default_rng(0), 64, 12)
  params = fresh(HALF).params
  caught = optax.GradientTransformation(lambda _: None, lambda grads, *_: (params, grads))
  summed = {}
  for parts in (1, 64):
    step = make_train_step(Transformer(HALF), caught, attention="causal", microbatches=parts)
    zeros = jax.tree.map(lambda weight: jnp.zeros_like(weight, jnp.float32), params)
    summed[parts] = jax.jit(step)(TrainState(jnp.int32(0), params, zeros), batch)[0].opt_state
  assert set().union(*types(summed[64]).values()) == {"float32"}
  for whole, parts in zip(*map(jax.tree.leaves, (summed[1], summed[64])), strict=True):
    assert_allclose(parts, whole, atol=0.006 * np.abs(whole).max())


@pytest.mark.parametrize(
  ("config", "optimizer", "said"),
  [
    (HALF, {}, r"params/blocks/.*/kernel in float32, and bfloat16 is asked for"),
    (CONFIG, {"first_moment_dtype": "bfloat16"}, r"opt_state/.*mu/.* in float32, and bfloat16 is"),
  ],
)
def test_a_checkpoint_of_other_types_is_refused(config, optimizer, said, tmp_path):
  def parts(state: TrainState) -> dict:
    return {"params": state.params, "opt_state": {"opt_state": state.opt_state}}

  saved = Checkpoints(tmp_path, retention=Retention(1))
  saved.save(1, **parts(fresh()), data={})
  saved.wait()
  restored, _, _ = saved.restore(1, **parts(fresh()))
  jax.tree.map(assert_array_equal, restored, fresh().params)
  other = fresh(config, **optimizer)
  with pytest.raises(InputError, match=said):
    saved.restore(1, **parts(other))
  saved.close()
  if config == HALF:
    with pytest.raises(InputError, match=said):
      restore_params(tmp_path, other.params)
