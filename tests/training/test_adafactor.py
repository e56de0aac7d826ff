"""Adafactor: optax's arithmetic, a state that is split as the weights are, and that comes back."""

import dataclasses

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import optax
import pytest

from codegen_jax import partitioning
from codegen_jax.checkpoint.checkpoints import Checkpoints
from codegen_jax.checkpoint.retention import Retention
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.transformer import Transformer
from codegen_jax.partitioning import PartitioningConfig
from codegen_jax.training import adafactor, state
from codegen_jax.training.optimizer import OptimizerConfig, make_optimizer, schedule
from tests import tiny

CONFIG = OptimizerConfig(1e-2, 1e-3, warmup_steps=2, anneal_steps=6, kind="adafactor")
NETWORK = dataclasses.replace(tiny.CONFIG, vocab_size=256, embed_dim=128)
BIG = dataclasses.replace(NETWORK, num_heads=8, head_dim=16)


def toy(seed: int) -> dict:
  rng = np.random.default_rng(seed)
  shapes = {"matrix": (130, 160), "stack": (3, 140, 129), "small": (5, 7), "bias": (200,)}
  return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def updated(optimizer, grads) -> list:
  params, path = toy(0), []
  held, update = optimizer.init(params), jax.jit(optimizer.update)
  for grad in grads:
    updates, held = update(grad, held, params)
    params = optax.apply_updates(params, updates)
    path.append(params)
  return path


def test_updates_are_optax_s():
  grads = [toy(seed) for seed in range(1, 6)]
  ours = updated(make_optimizer(CONFIG), grads)
  theirs = updated(optax.adafactor(schedule(CONFIG)), grads)
  for one, other in zip(ours, theirs, strict=True):
    jax.tree.map(lambda a, b: assert_allclose(a, b, rtol=1e-5, atol=1e-7), one, other)
  assert np.abs(ours[-1]["matrix"] - toy(0)["matrix"]).max() > 1e-3


def boxed_state(config: TransformerConfig):
  model, optimizer = Transformer(config), make_optimizer(CONFIG)
  return jax.eval_shape(lambda: state.init(model, optimizer, jax.random.key(0)))


def test_every_array_of_the_state_has_as_many_names_as_axes():
  boxes = [
    leaf
    for leaf in jax.tree.leaves(
      boxed_state(BIG).opt_state, is_leaf=lambda x: isinstance(x, nn.LogicallyPartitioned)
    )
    if isinstance(leaf, nn.LogicallyPartitioned)
  ]
  assert len(boxes) > 30 and all(len(box.names) == box.value.ndim for box in boxes)


@pytest.mark.parametrize(
  ("shape", "row", "column"),
  [
    ((200, 300), ("a",), ("b",)),
    ((300, 200), ("b",), ("a",)),
    ((3, 200, 300), ("a", "b"), ("a", "c")),
    ((200, 200), ("a",), ("b",)),
    ((200, 300, 4), ("a", "c"), ("b", "c")),
    ((200, 100), (None,), (None,)),
    ((500,), (None,), (None,)),
  ],
)
def test_what_is_left_of_a_weight_lies_along_the_axes_that_are_left(shape, row, column):
  names = ("a", "b", "c")[: len(shape)]
  params = {"w": nn.LogicallyPartitioned(jnp.zeros(shape), names)}
  (held, *_) = adafactor.make(lambda step: 1.0).init(params)
  sizes = dict(zip(names, shape, strict=True)) | {None: 1}
  for part, expected in ((held.v_row, row), (held.v_col, column)):
    assert part["w"].names == expected
    assert part["w"].value.shape == tuple(sizes[name] for name in expected)
  assert held.v["w"].names == (names if row == (None,) else (None,))


def mesh(*sizes: int):
  return partitioning.make_mesh(PartitioningConfig(*sizes))


def test_the_state_is_split_as_the_weights_are():
  places = partitioning.state_sharding(boxed_state(BIG), mesh(1, 2, 2))
  factored, weights = places.opt_state[0], places.params
  split = {}
  for path, _ in jax.tree_util.tree_leaves_with_path(weights):
    whole, row, column = ({axis for axis in _at(tree, path).spec if axis} for tree in (
      weights, factored.v_row, factored.v_col
    ))  # fmt: skip
    assert row | column <= whole
    split[jax.tree_util.keystr(path)] = row | column
  assert {axis for axes in split.values() for axis in axes} == {*PartitioningConfig().axes} - {
    "data"
  }


def _at(tree, path):
  for key in path:
    tree = tree[key.key]
  return tree


def test_a_state_comes_back_on_another_mesh(tmp_path):
  model, optimizer = Transformer(BIG), make_optimizer(CONFIG)
  made = state.create(model, optimizer, mesh(1, 2, 2), 0)
  grads = jax.tree.map(jnp.ones_like, made.params)
  _, held = jax.jit(optimizer.update)(grads, made.opt_state, made.params)
  saved = Checkpoints(tmp_path / "checkpoints", retention=Retention(1))
  saved.save(1, params=made.params, opt_state=held, data={})
  saved.wait()
  wanted = state.abstract(model, optimizer, mesh(2, 1, 4))
  _, restored, _ = saved.restore(1, params=wanted.params, opt_state=wanted.opt_state)
  saved.close()
  jax.tree.map(assert_array_equal, held, restored)
  assert (
    jax.tree.leaves(restored[0].v_row["embedding"])[0].max() > 0 and int(restored[0].count) == 1
  )


def test_prompt_tuning_moves_its_rows_alone():
  config = dataclasses.replace(CONFIG, trained_rows=(2, 4), warmup_steps=0)
  rng = np.random.default_rng(0)
  params = {name: rng.standard_normal((150, 160)).astype(np.float32) for name in ("embedding", "w")}
  optimizer = make_optimizer(config)
  updates, _ = optimizer.update(params, optimizer.init(params), params)
  moved = np.abs(updates["embedding"]).sum(1) > 0
  assert np.flatnonzero(moved).tolist() == [2, 3] and not updates["w"].any()
