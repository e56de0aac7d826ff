"""The network against a second one written from the papers, and what masks must not change."""

import dataclasses
import functools

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest

from codegen_jax.errors import InputError
from codegen_jax.models import masks
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.transformer import Transformer
from codegen_jax.training import losses
from codegen_jax.types import Batch, Params
from tests.tiny import CONFIG, packed, random_batch, random_params, stacked

both_attentions = pytest.mark.parametrize("attention", ["causal", "prefix"])
PARAMS = random_params(np.random.default_rng(0))


@functools.partial(jax.jit, static_argnames=("attention", "config"))
def logits_of(params: Params, batch: Batch, attention: masks.Attention, config=CONFIG):
  mask = masks.training_mask(batch, attention)
  return Transformer(config).apply({"params": params}, batch.inputs, mask=mask)


def codegen(params: Params, batch: Batch, visible: np.ndarray, config: TransformerConfig):
  """CodeGen as jaxformer's modules.py and transformers' modeling_codegen.py describe it."""

  def norm(x: np.ndarray, weights: Params) -> np.ndarray:
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return x * weights["scale"] + weights["bias"]

  def turned(x: np.ndarray) -> np.ndarray:
    out = x.copy()
    for pair in range(config.rotary_dim // 2):
      angle = batch.positions / 10_000 ** (2 * pair / config.rotary_dim)
      cos, sin = np.cos(angle)[..., None], np.sin(angle)[..., None]
      one, other = pair, pair + config.head_dim // 2
      a, b = x[..., one], x[..., other]
      out[..., one], out[..., other] = a * cos - b * sin, b * cos + a * sin
    return out

  def attention(x: np.ndarray, weights: Params) -> np.ndarray:
    split = lambda name: np.tensordot(x, weights[name]["kernel"], 1)  # noqa: E731
    q, k, v = turned(split("query")), turned(split("key")), split("value")
    heads = np.zeros_like(v)
    for row, query, head in np.ndindex(q.shape[:3]):
      scores = k[row, :, head] @ q[row, query, head] / np.sqrt(config.head_dim)
      weight = np.where(visible[row, query], np.exp(scores - scores.max()), 0)
      heads[row, query, head] = weight @ v[row, :, head] / weight.sum()
    return np.tensordot(heads, weights["out"]["kernel"], 2)

  def mlp(x: np.ndarray, weights: Params) -> np.ndarray:
    h = x @ weights["in"]["kernel"] + weights["in"]["bias"]
    h = 0.5 * h * (1 + np.tanh(np.sqrt(2 / np.pi) * (h + 0.044715 * h**3)))
    return h @ weights["out"]["kernel"] + weights["out"]["bias"]

  params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
  x = params["embedding"]["table"][batch.inputs]
  for layer in range(config.num_layers):
    block = jax.tree.map(lambda leaf: leaf[layer], params["blocks"])  # noqa: B023
    normed = norm(x, block["norm"])
    x = x + attention(normed, block["attention"]) + mlp(normed, block["mlp"])
  return norm(x, params["final_norm"]) @ params["head"]["kernel"] + params["head"]["bias"]


@both_attentions
def test_equals_a_plain_codegen_in_numpy(attention):
  batch = random_batch(np.random.default_rng(1), 2, 12)
  visible = np.asarray(masks.training_mask(batch, attention).dense())
  wanted = codegen(PARAMS, batch, visible, CONFIG)
  assert_allclose(logits_of(PARAMS, batch, attention), wanted, atol=1e-5, rtol=1e-5)


@both_attentions
def test_packing_is_invisible(attention):
  a, b = [5, 6, 7, 8, 9], [10, 11, 12]
  together = packed(a, b, prefix=2, length=10)
  alone = packed(a, prefix=2, length=10), packed(b, prefix=2, length=10)
  got = logits_of(PARAMS, stacked(together, *alone), attention)
  assert_allclose(got[0, :5], got[1, :5], atol=1e-5)
  assert_allclose(got[0, 5:8], got[2, :3], atol=1e-5)


def test_prefix_attention_without_a_prefix_is_causal():
  batch = packed([5, 6, 7, 8, 9], [10, 11, 12], length=10)
  assert_allclose(logits_of(PARAMS, batch, "prefix"), logits_of(PARAMS, batch, "causal"), atol=1e-6)


@pytest.mark.parametrize(("attention", "prefix"), [("causal", 4), ("prefix", 4), ("prefix", 0)])
def test_the_future_does_not_leak(attention, prefix):
  """Another token at j moves logits from j on, and inside a prefix all of them."""
  tokens = list(range(1, 11))
  others = [[*tokens[:j], 40, *tokens[j + 1 :]] for j in range(10)]
  rows = [packed(row, prefix=prefix) for row in (tokens, *others)]
  before, *after = np.asarray(logits_of(PARAMS, stacked(*rows), attention))
  for j, logits in enumerate(after):
    moved = np.abs(logits - before).max(-1) > 1e-4
    first = 0 if attention == "prefix" and j < prefix else j
    assert moved.tolist() == [position >= first for position in range(10)]


def test_both_attentions_train_the_same_weights():
  batch = random_batch(np.random.default_rng(2), 2, 12)

  def shapes(attention: masks.Attention):
    mask = masks.training_mask(batch, attention)
    key = jax.random.key(0)
    return jax.eval_shape(Transformer(CONFIG).init, key, batch.inputs, mask=mask)

  assert shapes("causal") == shapes("prefix")


def test_what_is_computed_again_changes_memory_and_no_number():
  batch = random_batch(np.random.default_rng(3), 4, 64)
  scored = masks.scored_targets(batch, "prefix")

  def compiled(remat: str) -> jax.stages.Compiled:
    config = dataclasses.replace(CONFIG, num_layers=6, remat=remat)

    def loss(params: Params):
      nats, _ = losses.cross_entropy(logits_of(params, batch, "prefix", config), batch.targets)
      return nats.sum(where=scored)

    return jax.jit(jax.value_and_grad(loss)).lower(params).compile()

  params = random_params(np.random.default_rng(3), dataclasses.replace(CONFIG, num_layers=6))
  programs = {remat: compiled(remat) for remat in ("none", "dots", "qkv", "context", "full")}
  loss, grads = programs["none"](params)
  for remat in ("dots", "qkv", "context", "full"):
    loss_again, grads_again = programs[remat](params)
    assert_allclose(loss_again, loss, rtol=1e-6)
    jax.tree.map(lambda a, b: assert_allclose(a, b, rtol=1e-4, atol=1e-3), grads, grads_again)
  kept = {name: p.memory_analysis().temp_size_in_bytes for name, p in programs.items()}
  assert kept["none"] > kept["dots"] > kept["full"]
  assert kept["none"] > kept["qkv"] > kept["context"] > kept["full"]


def test_bfloat16_stays_near_float32():
  batch = random_batch(np.random.default_rng(4), 2, 12)
  config = dataclasses.replace(CONFIG, dtype="bfloat16")
  exact = logits_of(PARAMS, batch, "prefix")
  rough = logits_of(PARAMS, batch, "prefix", config)
  assert (exact.dtype, rough.dtype) == (jnp.float32, jnp.float32)
  assert np.abs(exact - rough).max() > 1e-4  # another arithmetic, under logits in float32
  error = np.std(rough.astype(np.float32) - exact) / np.std(exact)
  assert 0 < error < 0.05
  shapes = _shapes(config)
  assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {jnp.dtype("float32")}


def _shapes(config: TransformerConfig) -> Params:
  one = np.ones((1, 2), np.int32)
  init = Transformer(config).init
  variables = jax.eval_shape(init, jax.random.key(0), one, mask=masks.AttentionMask(one, one))
  return nn.unbox(variables["params"])


def test_new_weights_are_drawn_as_jaxformer_drew_them():
  config = TransformerConfig(512, 64, 4, 4, 16, 8)
  one = np.ones((1, 2), np.int32)
  mask = masks.AttentionMask(one, one)
  init = jax.jit(Transformer(config).init)
  params = nn.unbox(init(jax.random.key(0), one, mask=mask)["params"])
  residual = 2 / 4 / 64**0.5
  blocks = params["blocks"]
  for kernel, stddev in (
    (params["embedding"]["table"], 512**-0.5),
    (blocks["attention"]["query"]["kernel"], 64**-0.5),
    (blocks["attention"]["key"]["kernel"], 64**-0.5),
    (blocks["attention"]["value"]["kernel"], 64**-0.5),
    (blocks["attention"]["out"]["kernel"], residual),
    (blocks["mlp"]["in"]["kernel"], 64**-0.5),
    (blocks["mlp"]["out"]["kernel"], residual),
    (params["head"]["kernel"], 64**-0.5),
  ):
    # Cut at two standard deviations and not rescaled, which leaves 0.88 of the spread.
    assert 1.9 * stddev < np.abs(kernel).max() < 2.0001 * stddev
    assert_allclose(np.std(kernel), 0.8796 * stddev, rtol=0.03)
  layers = np.asarray(blocks["mlp"]["in"]["kernel"])
  assert len(np.unique(layers[:, 0, 0])) == config.num_layers
  assert_array_equal(blocks["norm"]["scale"], np.ones((4, 64)))
  assert_array_equal(params["head"]["bias"], np.zeros(512))


@pytest.mark.parametrize(
  ("change", "sentence"),
  [
    ({"num_layers": 0}, "num_layers is 0; it must be at least 1"),
    ({"rotary_dim": 3}, "rotary_dim is 3; it must be even"),
    ({"rotary_dim": 8}, r"rotary_dim is 8; it must be even and at most head_dim \(6\)"),
  ],
)
def test_shapes_that_cannot_be_are_refused(change, sentence):
  with pytest.raises(InputError, match=sentence):
    dataclasses.replace(CONFIG, **change)


def test_a_loop_of_fewer_turns_says_the_same():
  batch = random_batch(np.random.default_rng(1), 2, 12)
  unrolled = dataclasses.replace(CONFIG, unroll=CONFIG.num_layers)
  got = logits_of(PARAMS, batch, "causal", unrolled)
  assert_allclose(got, logits_of(PARAMS, batch, "causal"), atol=1e-5)
