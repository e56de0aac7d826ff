"""A token at a time gives what the whole row gives at once."""

import dataclasses
import functools

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from numpy.testing import assert_allclose
import pytest

from codegen_jax import partitioning
from codegen_jax.errors import InputError
from codegen_jax.inference import decoding
from codegen_jax.models import cache as kv_cache
from codegen_jax.models import masks
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.masks import AttentionMask
from codegen_jax.models.transformer import Transformer
from codegen_jax.partitioning import PartitioningConfig
from codegen_jax.plan import topology
from tests import tiny

CODEGEN = tiny.CONFIG
LLAMA = dataclasses.replace(CODEGEN, block="llama", mlp_dim=40)
PROMPTS, ROOM, SLOTS = (5, 1, 3, 5), 5, 12  # lengths of prompts, padded to ROOM
NEW = SLOTS - ROOM
both_attentions = pytest.mark.parametrize("attention", ["causal", "prefix"])
both_blocks = pytest.mark.parametrize("config", [CODEGEN, LLAMA], ids=lambda c: c.block)
TOKENS = np.random.default_rng(0).integers(1, CODEGEN.vocab_size, (len(PROMPTS), SLOTS))


@functools.cache
def params_of(config: TransformerConfig):
  return tiny.random_params(np.random.default_rng(1), config)


def whole(config: TransformerConfig, attention: masks.Attention) -> np.ndarray:
  """[B, NEW + 1, V]: the logits after each prompt and after each token behind it."""
  prefix = PROMPTS if attention == "prefix" else [0] * len(PROMPTS)
  rows = [
    tiny.packed(row[: n + NEW].tolist(), prefix=p, length=SLOTS)
    for row, n, p in zip(TOKENS, PROMPTS, prefix, strict=True)
  ]
  batch = tiny.stacked(*rows)
  logits = jax.jit(Transformer(config).apply)(
    {"params": params_of(config)}, batch.inputs, mask=masks.training_mask(batch, "prefix")
  )
  return np.stack([row[n - 1 : n + NEW] for row, n in zip(logits, PROMPTS, strict=True)])


def decoded(config, attention, tokens=TOKENS, params=None, order="BNSH"):
  """The same, a token at a time; what lies behind a prompt is not padding but noise."""
  params = params_of(config) if params is None else params
  model, lengths = Transformer(config), jnp.array(PROMPTS)
  prefill = jax.jit(decoding.make_prefill(model, attention=attention, slots=SLOTS, order=order))
  step = jax.jit(decoding.make_decode_step(model), donate_argnums=1)
  logits, cache = prefill(params, jnp.asarray(tokens[:, :ROOM]), lengths)
  got = [logits]
  for i in range(NEW):
    token = np.take_along_axis(tokens, np.array(PROMPTS)[:, None] + i, axis=1)[:, 0]
    logits, cache = step(params, cache, jnp.asarray(token), lengths + i)
    got.append(logits)
  return np.stack(got, axis=1)


@both_attentions
@both_blocks
def test_a_token_at_a_time_equals_the_whole_row(config, attention):
  assert_allclose(decoded(config, attention), whole(config, attention), atol=2e-5, rtol=2e-5)


def test_how_a_cache_lies_in_memory_changes_nothing():
  assert_allclose(decoded(CODEGEN, "prefix", order="SNBH"), whole(CODEGEN, "prefix"), atol=2e-5)


def test_a_prefix_read_both_ways_is_another_model_than_a_causal_one():
  assert np.abs(whole(CODEGEN, "prefix") - whole(CODEGEN, "causal")).max() > 0.01


@both_attentions
def test_padding_and_neighbours_change_nothing(attention):
  noise = TOKENS.copy()
  noise[0] = 7
  noise[1, PROMPTS[1] + NEW :] = 8
  before, after = decoded(CODEGEN, attention), decoded(CODEGEN, attention, noise)
  assert np.abs(after[0] - before[0]).max() > 0.01
  assert_allclose(after[1:], before[1:], atol=1e-6)


@both_blocks
def test_eight_devices_decode_as_one_does(config):
  mesh = partitioning.make_mesh(PartitioningConfig(2, 2, 2))
  params = placed(config, mesh)
  with partitioning.on(mesh):
    got = decoded(config, "prefix", params=params)
  assert_allclose(got, whole(config, "prefix"), atol=2e-5, rtol=2e-5)


def placed(config: TransformerConfig, mesh: jax.sharding.Mesh):
  """Parameters where training leaves them."""
  one = np.ones((1, 2), np.int32)
  init = functools.partial(Transformer(config).init, mask=AttentionMask(one, one))
  boxed = jax.eval_shape(init, jax.random.key(0), one)["params"]
  return jax.device_put(params_of(config), partitioning.state_sharding(boxed, mesh))


@pytest.mark.parametrize("sizes", [(1, 1, 1), (2, 2, 2)], ids=str)
def test_the_cache_is_written_where_it_lies(sizes):
  mesh, batch, slots = partitioning.make_mesh(PartitioningConfig(*sizes)), 4, 4096
  config = dataclasses.replace(CODEGEN, num_layers=8)
  cache = decoding.abstract_cache(config, batch, slots, mesh)
  params = jax.eval_shape(lambda: placed(config, mesh))
  row = jax.ShapeDtypeStruct((batch,), jnp.int32)
  step = jax.jit(decoding.make_decode_step(Transformer(config)), donate_argnums=1)
  with partitioning.on(mesh):
    compiled = step.lower(params, cache, row, row).compile()
  memory = compiled.memory_analysis()
  a_layer = sum(stack.size * 4 for stack in (cache.keys, cache.values)) / 8 / np.prod(sizes)
  assert memory.alias_size_in_bytes >= 8 * a_layer
  # One layer's keys and values are taken out to be read.  A second cache would be eight.
  assert memory.temp_size_in_bytes < 2 * a_layer
  moved = [line for line in compiled.as_text().splitlines() if "all-" in line and "4096" in line]
  assert not moved  # between devices: weights may be, the cache may not


@pytest.mark.slow
def test_a_tpu_writes_the_cache_where_it_lies():
  pytest.importorskip("libtpu")
  mesh = partitioning.make_mesh(
    PartitioningConfig(data=1, model=4), topology.describe(topology.parse("v5e:2x2"))
  )
  config = TransformerConfig(
    vocab_size=512, embed_dim=512, num_layers=8, num_heads=8, head_dim=128, rotary_dim=64,
    dtype="bfloat16",
  )  # fmt: skip
  cache = decoding.abstract_cache(config, 8, 4096, mesh)
  one = jnp.ones((1, 2), jnp.int32)
  init = functools.partial(Transformer(config).init, mask=AttentionMask(one, one))
  boxed = jax.eval_shape(init, jax.random.key(0), one)["params"]
  params = jax.tree.map(
    lambda leaf, place: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place),
    nn.unbox(boxed), partitioning.state_sharding(boxed, mesh),
  )  # fmt: skip
  row = jax.ShapeDtypeStruct((8,), jnp.int32, sharding=partitioning.replicated(mesh))
  with partitioning.on(mesh):
    step = jax.jit(decoding.make_decode_step(Transformer(config)), donate_argnums=1)
    memory = step.lower(params, cache, row, row).compile().memory_analysis()
  stacks = sum(stack.size * 2 for stack in (cache.keys, cache.values)) / 4
  assert memory.alias_size_in_bytes >= stacks
  assert memory.temp_size_in_bytes < stacks / 4


def test_an_abstract_cache_is_what_prefill_returns():
  mesh = partitioning.make_mesh(PartitioningConfig(2, 2, 2))
  wanted, params = decoding.abstract_cache(CODEGEN, 4, SLOTS, mesh), placed(CODEGEN, mesh)
  with partitioning.on(mesh):
    prefill = jax.jit(decoding.make_prefill(Transformer(CODEGEN), attention="causal", slots=SLOTS))
    _, cache = prefill(params, jnp.asarray(TOKENS[:, :ROOM]), jnp.array(PROMPTS))
  described = jax.tree.map(lambda x: (x.shape, x.dtype), wanted)
  assert jax.tree.map(lambda x: (x.shape, x.dtype), cache) == described
  for got, place in zip(jax.tree.leaves(cache), jax.tree.leaves(wanted), strict=True):
    assert got.sharding.is_equivalent_to(place.sharding, got.ndim)
  assert wanted.keys.sharding.shard_shape(wanted.keys.shape) == (2, 1, 2, SLOTS, 6)


@pytest.mark.parametrize(
  ("sizes", "batch", "said"),
  [((4, 2, 1), 12, "keys has 12 batch .* 8 ways"), ((1, 1, 8), 8, "keys has 4 heads .* 8 ways")],
)
def test_rows_or_heads_that_a_mesh_does_not_divide_are_refused(sizes, batch, said):
  mesh = partitioning.make_mesh(PartitioningConfig(*sizes))
  with pytest.raises(InputError, match=said):
    decoding.abstract_cache(CODEGEN, batch, SLOTS, mesh)


@pytest.mark.parametrize("opened", [False, True], ids=["causal", "both ways"])
def test_several_tokens_go_on_where_a_cache_ends(opened):
  """A second turn of a conversation: three tokens at once behind five."""
  apply = jax.jit(Transformer(CODEGEN).apply)
  params, rows = {"params": params_of(CODEGEN)}, len(TOKENS)

  def mask(start: int, stop: int) -> AttentionMask:
    positions = jnp.broadcast_to(jnp.arange(start, stop), (rows, stop - start))
    return AttentionMask(jnp.ones_like(positions), positions, opened & (positions >= 5))

  wanted = apply(params, TOKENS[:, :8], mask=mask(0, 8))
  cache = kv_cache.empty(CODEGEN, rows, SLOTS)
  _, cache = apply(params, TOKENS[:, :5], mask=mask(0, 5), cache=cache)
  got, _ = apply(params, TOKENS[:, 5:8], mask=mask(5, 8), cache=cache)
  assert_allclose(got, wanted[:, 5:], atol=2e-5, rtol=2e-5)


def test_a_token_too_many_has_no_logits():
  model, params = Transformer(CODEGEN), params_of(CODEGEN)
  prefill = decoding.make_prefill(model, attention="causal", slots=ROOM)
  logits, cache = prefill(params, jnp.asarray(TOKENS[:, :ROOM]), jnp.array(PROMPTS))
  assert np.isfinite(logits).all()
  token = jnp.ones(len(TOKENS), jnp.int32)
  assert np.isnan(decoding.make_decode_step(model)(params, cache, token, token)[0]).all()
  with pytest.raises(ValueError, match="12 tokens do not fit a cache of 5 slots"):
    prefill(params, jnp.asarray(TOKENS), jnp.array(PROMPTS))
