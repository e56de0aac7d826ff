"""t5x trains, scores and samples the Transformer as this project does."""

import dataclasses
import functools

import jax
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest

try:
  import t5x.trainer
  import t5x.utils
except ImportError as error:  # of t5x or of what it needs, which its own setup.py cannot install
  pytest.skip(
    f"t5x cannot be imported ({error}); docs/interop.md tells how to install it",
    allow_module_level=True,
  )
from flax import traverse_util
import t5x.models
import t5x.partitioning

from codegen_jax import partitioning
from codegen_jax.data import pipeline
from codegen_jax.data.pipeline import DataConfig
from codegen_jax.errors import InputError
from codegen_jax.inference.language_model import LanguageModel
from codegen_jax.inference.requests import Request
from codegen_jax.inference.settings import SamplingConfig
from codegen_jax.interop.t5x_model import CodegenModel, learning_rate
from codegen_jax.interop.t5x_rows import as_features
from codegen_jax.models.transformer import Transformer
from codegen_jax.training import state
from codegen_jax.training.config import TrainConfig
from codegen_jax.training.early_stopping import EarlyStoppingConfig
from codegen_jax.training.optimizer import OptimizerConfig, make_optimizer, schedule
from codegen_jax.training.step import make_gradient, make_train_step
from codegen_jax.training.warm_start import WarmStartConfig
from tests import tiny
from tests.data import toy

CONFIG = TrainConfig(
  model=dataclasses.replace(tiny.CONFIG, vocab_size=100),
  data=DataConfig("toy_long_prefix_lm", seq_len=32, batch_size=8, seed=3),
  optimizer=OptimizerConfig(
    peak_learning_rate=0.01, end_learning_rate=0.001, warmup_steps=1, anneal_steps=3
  ),
  attention="prefix",
  total_steps=4,
  seed=1,
  z_loss=0.01,
)
RULES = (("head_dim", None), ("embed_act", None), ("embed_vector", None), ("residual_length", None))


def with_(config: TrainConfig = CONFIG, **changes) -> TrainConfig:
  return dataclasses.replace(config, **changes)


@functools.cache
def batches(mixture: str = CONFIG.data.mixture) -> list:
  reader = pipeline.Reader(dataclasses.replace(CONFIG.data, mixture=mixture))
  return list(pipeline.batches(reader, range(8), numbers=range(3)))


def initial(model: CodegenModel) -> dict:
  return model.get_initial_variables(jax.random.key(9), {})


def params(seed: int = 0, config: TrainConfig = CONFIG) -> dict:
  return tiny.random_params(np.random.default_rng(seed), config.model)


def trainer(model: CodegenModel) -> t5x.trainer.Trainer:
  """t5x's own, on a mesh of four devices for the rows by two for the heads."""
  partitioner = t5x.partitioning.PjitPartitioner(
    model_parallel_submesh=(1, 2, 1, 1),
    logical_axis_rules=t5x.partitioning.standard_logical_axis_rules(additional_rules=RULES),
  )
  batch = as_features(batches()[0])
  initializer = t5x.utils.TrainStateInitializer(
    optimizer_def=model.optimizer_def,
    init_fn=model.get_initial_variables,
    input_shapes={name: array.shape for name, array in batch.items()},
    partitioner=partitioner,
  )
  return t5x.trainer.Trainer(
    model=model,
    train_state=initializer.from_scratch(jax.random.PRNGKey(0)),
    partitioner=partitioner,
    eval_names=[],
    summary_dir=None,
    train_state_axes=initializer.train_state_axes,
    rng=jax.random.PRNGKey(0),
    learning_rate_fn=learning_rate(CONFIG.optimizer),
    num_microbatches=None,
  )


@pytest.mark.parametrize(
  ("attention", "microbatches", "chunks", "kernel"),
  [
    ("causal", 1, 1, "reference"),
    ("prefix", 1, 4, "blockwise"),
    ("prefix", 2, 1, "flash"),
  ],
)
def test_steps_of_t5x_are_our_own(attention, microbatches, chunks, kernel):
  model = dataclasses.replace(CONFIG.model, attention_kernel=kernel)
  config = with_(model=model, attention=attention, microbatches=microbatches, loss_chunks=chunks)
  optimizer = make_optimizer(config.optimizer)
  ours = state.create(
    Transformer(config.model), optimizer, partitioning.make_mesh(config.partitioning), config.seed
  )
  step = jax.jit(
    make_train_step(
      Transformer(config.model),
      optimizer,
      attention=attention,
      z_loss=config.z_loss,
      microbatches=microbatches,
      loss_chunks=chunks,
    )
  )
  theirs = trainer(CodegenModel(config))
  for number, batch in enumerate(batches()):
    ours, measured = step(ours, batch)
    told = theirs.train(iter([as_features(batch)]), 1, start_step=number).result()
    got = {name: told[name].value for name in ("loss", "cross_ent_loss", "z_loss")}
    z_loss = config.z_loss * measured["z_loss"]
    rate = schedule(config.optimizer)(number)
    assert_allclose(told["learning_rate"].value, rate, rtol=1e-6)
    assert_allclose(got["cross_ent_loss"], measured["loss"], rtol=1e-6)
    assert_allclose(got["z_loss"], z_loss, rtol=1e-6)
    assert_allclose(got["loss"], measured["loss"] + z_loss, rtol=1e-6)
  moved = traverse_util.flatten_dict(theirs.train_state.state_dict()["target"])
  for path, weight in traverse_util.flatten_dict(ours.params).items():
    assert_allclose(moved[path], weight, rtol=1e-4, atol=1e-5, err_msg=str(path))
  theirs.close()


@pytest.mark.parametrize("microbatches", [1, 2])
def test_the_gradient_is_our_own(microbatches):
  config = with_(microbatches=microbatches)
  model, batch = CodegenModel(config), batches()[0]
  gradient = make_gradient(
    model.module, attention="prefix", z_loss=config.z_loss, microbatches=microbatches
  )
  wanted, _ = jax.jit(gradient)(params(), batch)
  of_loss = jax.jit(jax.grad(lambda p, rows: 3 * model.loss_fn(p, rows, None)[0]))
  got = of_loss(params(), as_features(batch))
  jax.tree.map(lambda a, b: assert_allclose(a, 3 * b, rtol=1e-5, atol=1e-6), got, wanted)


def test_a_row_of_seqio_has_the_arrays_that_our_own_reader_makes():
  task, length = "toy_long_prefix_lm", 32
  cfg = t5x.utils.DatasetConfig(task, {"targets": length}, "train", 8, True, 3, use_cached=False)
  dataset = t5x.utils.get_dataset(cfg, 0, 1, CodegenModel.FEATURE_CONVERTER_CLS)
  for got, wanted in zip(dataset.as_numpy_iterator(), batches(task), strict=False):
    assert got.keys() == as_features(wanted).keys()
    for name, array in as_features(wanted).items():
      assert_array_equal(got[name], array, err_msg=name)
      assert got[name].dtype == array.dtype


def test_every_weight_has_logical_axes_and_t5x_splits_it_by_them():
  variables = initial(CodegenModel(CONFIG))
  weights, axes = (
    traverse_util.flatten_dict(variables[name], sep="/") for name in ("params", "params_axes")
  )
  assert {f"{name}_axes" for name in weights} == axes.keys()
  known = {name for name, _ in t5x.partitioning.standard_logical_axis_rules(additional_rules=RULES)}
  for name, weight in weights.items():
    names = axes[f"{name}_axes"].names
    assert len(names) == weight.ndim and {*names} <= known, name
  placed = trainer(CodegenModel(CONFIG)).train_state.params
  spec = lambda leaf: tuple(leaf.sharding.spec)  # noqa: E731
  assert spec(placed["blocks"]["attention"]["query"]["kernel"]) == (None, None, "model", None)
  assert spec(placed["blocks"]["mlp"]["in"]["kernel"]) == (None, None, "model")
  assert spec(placed["head"]["kernel"]) == (None, "model")
  assert spec(placed["embedding"]["table"]) == ("model", None)


def test_evaluation_takes_any_number_of_rows_and_says_the_same():
  model, batch = CodegenModel(CONFIG), batches()[0]
  of_loss = jax.value_and_grad(model.loss_fn, has_aux=True)  # as a step asks, and no evaluation
  (wanted, metrics), _ = of_loss(params(), as_features(batch), None)
  got, same = model.eval_fn(params(), as_features(batch))
  assert_allclose(got, wanted, rtol=1e-6)
  assert metrics.keys() == same.keys()
  three = jax.tree.map(lambda rows: rows[:3], as_features(batch))
  assert np.isfinite(model.eval_fn(params(), three)[0])


def test_microbatches_of_t5x_are_refused():
  three = jax.tree.map(lambda rows: rows[:3], as_features(batches()[0]))
  with pytest.raises(InputError, match=r"num_microbatches at None and set MICROBATCHES"):
    CodegenModel(CONFIG).loss_fn(params(), three, None)


def test_rows_that_the_mesh_cannot_share_are_refused():
  theirs = trainer(CodegenModel(with_(microbatches=4)))
  with pytest.raises(InputError, match="8 rows, which cannot be shared evenly among 16"):
    theirs.train(iter([as_features(batches()[0])]), 1, start_step=0)
  theirs.close()


@pytest.mark.parametrize(
  ("change", "said"),
  [
    ({"warm_start": WarmStartConfig("runs/other")}, "INIT_FROM is 'runs/other'"),
    ({"skip_steps": ((1, 2),)}, "SKIP_STEPS is"),
    (
      {"evaluate_every": 1, "early_stopping": EarlyStoppingConfig("x/bits_per_byte")},
      "STOP_BY is 'x/bits_per_byte'",
    ),
    ({"attention": "bidirectional"}, "asks for next tokens"),
    ({"model": tiny.CONFIG}, "has 100 ids and the model only 48"),
  ],
)
def test_what_t5x_would_leave_out_is_a_sentence(change, said):
  with pytest.raises(InputError, match=said):
    CodegenModel(with_(**change))


def test_scores_are_log_likelihoods_of_the_scored_targets():
  model, batch = CodegenModel(with_(loss_chunks=4)), batches()[0]
  batch = dataclasses.replace(batch, loss_mask=batch.segment_ids > 0)
  features = as_features(batch)
  scores, told = model.score_batch(params(), features, return_intermediates=True)
  logits = model._compute_logits(params(), features)
  log_probs = np.asarray(jax.nn.log_softmax(logits))
  said = np.take_along_axis(log_probs, batch.targets[..., None], axis=-1)[..., 0]
  (scored,) = told["decoder"]["loss_weights"]
  assert 0 < scored.sum() < batch.loss_mask.sum()  # a PrefixLM is not scored on what it sees
  assert_allclose(told["decoder"]["token_scores"][0], np.where(scored, said, 0), rtol=1e-5)
  assert_allclose(scores, np.where(scored, said, 0).sum(-1), rtol=1e-5)
  assert_array_equal(scores, model.score_batch(params(), features))


PROMPTS = [[5, 6, 7], [8], [9, 10, 11, 12, 13]]


def prompted(length: int = 12) -> dict:
  rows = (tiny.packed([*p, 1, 2], prefix=len(p), length=length) for p in PROMPTS)
  return as_features(tiny.stacked(*rows))


@pytest.mark.parametrize("attention", ["causal", "prefix"])
def test_greedy_predictions_are_those_of_the_language_model(attention):
  config = with_(attention=attention)
  weights = params()
  tokens, aux = jax.jit(CodegenModel(config).predict_batch_with_aux)(weights, prompted())
  assert tokens.shape == (3, 12) and aux["scores"].shape == (3,)
  ours = LanguageModel(
    weights, config.model, attention=attention, vocabulary=toy.LONG_SOURCE.vocabulary
  )
  greedy = SamplingConfig(temperature=0.0, max_new_tokens=11, stop_tokens=(toy.EOS,), batch_size=8)
  requests = [Request("t", str(i), 0, tuple(p)) for i, p in enumerate(PROMPTS)]
  for completion in ours.generate(requests, greedy):
    row = int(completion.request.problem)
    new = 12 - len(PROMPTS[row])
    wanted = [*completion.tokens][:new]
    assert tokens[row].tolist() == wanted + [toy.EOS] * (12 - len(wanted))
    assert_allclose(aux["scores"][row], completion.log_probs[:new].sum(), rtol=1e-4)


def test_a_prediction_ends_at_the_end_of_text():
  weights = params()
  weights["head"]["bias"][toy.EOS] += 3.0
  model = CodegenModel(CONFIG, SamplingConfig(temperature=1.0))
  tokens, aux = model.predict_batch_with_aux(
    weights, prompted(), jax.random.key(2), num_decodes=8, return_all_decodes=True
  )
  assert tokens.shape == (3, 8, 12) and aux["scores"].shape == (3, 8)
  drawn = np.reshape(tokens, (-1, 12))
  ends = np.argmax(drawn == toy.EOS, axis=-1)
  for of_prompt in ends.reshape(3, 8):
    assert len({*of_prompt.tolist()}) > 2  # some at once, some later
  for row, end in zip(drawn, ends, strict=True):
    assert (row[end:] == toy.EOS).all()
  assert (np.diff(aux["scores"], axis=1) >= 0).all()  # the likeliest last
  best, scores = model.predict_batch_with_aux(weights, prompted(), jax.random.key(2), num_decodes=8)
  assert_array_equal(best, tokens[:, -1])
  assert_array_equal(scores["scores"], aux["scores"][:, -1])


def test_noise_is_that_of_the_key():
  model = CodegenModel(CONFIG, SamplingConfig(temperature=1.0, top_k=50, top_p=0.9))
  one, again, other = (
    model.predict_batch(params(), prompted(), jax.random.PRNGKey(seed)) for seed in (1, 1, 2)
  )
  assert_array_equal(one, again)
  assert (one != other).any()
