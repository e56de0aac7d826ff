"""What a checkpoint says of a batch, against the network asked directly."""

import dataclasses
import functools
import json

import jax
import numpy as np
import pytest
import scipy.special

from codegen_jax.checkpoint.checkpoints import Checkpoints
from codegen_jax.checkpoint.retention import Retention
from codegen_jax.data import pipeline
from codegen_jax.data.pipeline import DataConfig
from codegen_jax.errors import InputError
from codegen_jax.inference import loading, scoring
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.masks import AttentionMask
from codegen_jax.models.transformer import Transformer
from codegen_jax.partitioning import PartitioningConfig
from tests import tiny
from tests.data import toy  # noqa: F401 (registers its tasks)

CONFIG = dataclasses.replace(tiny.CONFIG, vocab_size=100)
PARAMS = tiny.random_params(np.random.default_rng(0), CONFIG)
ROWS = 8


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
  """A run that has reached step 3."""
  folder = tmp_path_factory.mktemp("run")
  checkpoints = Checkpoints(folder / "checkpoints", retention=Retention(1))
  params = jax.tree.map(jax.numpy.asarray, PARAMS)
  checkpoints.save(3, params=params, opt_state={"step": params["final_norm"]}, data={})
  checkpoints.close()
  (folder / "config.json").write_text(json.dumps({"model": dataclasses.asdict(CONFIG)}))
  return folder


ANY_MESH = PartitioningConfig()


def load(workdir, attention="causal", model: TransformerConfig = CONFIG, mesh=ANY_MESH):
  step, params, _, made = loading.load(workdir, model=model, partitioning_config=mesh)
  score = scoring.make_score(
    made, model=model, attention=attention, partitioning_config=mesh, batch_size=ROWS
  )
  return step, functools.partial(score, params)


def batches(mixture: str):
  config = DataConfig(mixture, seq_len=12, batch_size=ROWS)
  return pipeline.batches(pipeline.Reader(config), range(ROWS))


def expected_nats(batch, *, opened) -> np.ndarray:
  """Minus the log-softmax of what the network says, in numpy and in float64."""
  mask = AttentionMask(batch.segment_ids, batch.positions, opened)
  logits = Transformer(CONFIG).apply({"params": PARAMS}, batch.inputs, mask=mask)
  log_probabilities = scipy.special.log_softmax(np.asarray(logits, np.float64), axis=-1)
  return -np.take_along_axis(log_probabilities, batch.targets[..., None], axis=-1)[..., 0]


@pytest.mark.parametrize("mesh", [ANY_MESH, PartitioningConfig(2, 2, 2)], ids=repr)
@pytest.mark.parametrize("attention", ["causal", "prefix"])
def test_nats_are_those_of_the_network_under_its_own_mask(workdir, attention, mesh):
  step, scorer = load(workdir, attention, mesh=mesh)
  assert step == 3
  batch = next(batches("toy_prose_prefix_lm"))
  own = expected_nats(batch, opened=batch.prefix_mask if attention == "prefix" else None)
  other = expected_nats(batch, opened=None if attention == "prefix" else batch.prefix_mask)
  nats, counts = scorer(batch)
  np.testing.assert_allclose(nats, own, rtol=1e-4, atol=1e-4)
  assert np.abs(own - other)[counts].max() > 0.01  # else the mask would not matter here


@pytest.mark.parametrize("mixture", ["toy_code_prefix_lm", "toy_prose_prefix_lm", "toy_clm"])
def test_both_arms_are_scored_on_exactly_the_same_targets(workdir, mixture):
  (_, causal), (_, prefix) = load(workdir, "causal"), load(workdir, "prefix")
  for batch, _ in zip(batches(mixture), range(3), strict=False):
    counted = causal(batch)[1]
    np.testing.assert_array_equal(counted, prefix(batch)[1])
    np.testing.assert_array_equal(counted, batch.loss_mask)
    assert counted.any()


def test_a_target_that_is_already_seen_does_not_count(workdir):
  # The objectives never ask for it; a prefix of 3 shows its second and third token.
  batch = tiny.stacked(*[tiny.packed([5, 6, 7, 8, 9], prefix=3)] * ROWS)
  assert load(workdir, "causal")[1](batch)[1][0].tolist() == [True, True, True, True, False]
  assert load(workdir, "prefix")[1](batch)[1][0].tolist() == [False, False, True, True, False]


def test_a_folder_without_a_checkpoint_is_a_sentence_and_stays_untouched(tmp_path):
  with pytest.raises(InputError, match=r"there is no checkpoint in .*nowhere.*; train first"):
    load(tmp_path / "nowhere")
  assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
  ("name", "value"), [("num_layers", 3), ("embed_dim", 16), ("rotary_dim", 2), ("rotary_base", 5e5)]
)
def test_another_network_than_the_trained_one_is_refused_by_the_name_of_what_differs(
  workdir, name, value
):
  said = rf"trained with another model \({name} was {getattr(CONFIG, name)} and is now {value}\)"
  with pytest.raises(InputError, match=said):
    load(workdir, model=dataclasses.replace(CONFIG, **{name: value}))


@pytest.mark.parametrize(
  ("name", "value", "said"),
  [
    ("num_layers", 3, r"\['blocks'\].* is \(2, .* there and \(3, "),
    ("vocab_size", 50, r"\['embedding'\].* is \(100, .* there and \(50, "),
  ],
)
def test_weights_of_other_shapes_are_a_sentence_even_without_the_runs_config(
  workdir, tmp_path, name, value, said
):
  (tmp_path / "checkpoints").symlink_to(workdir / "checkpoints")
  with pytest.raises(InputError, match=rf"step 3 of .* does not hold this model \(params{said}"):
    load(tmp_path, model=dataclasses.replace(CONFIG, **{name: value}))


def test_precision_may_change_between_training_and_scoring(workdir):
  _, scorer = load(workdir, model=dataclasses.replace(CONFIG, dtype="bfloat16", remat="full"))
  batch = next(batches("toy_prose_clm"))
  nats, counts = scorer(batch)
  assert nats.dtype == np.float32
  exact = expected_nats(batch, opened=None)
  assert 0 < np.abs(nats - exact)[counts].mean() < 0.1


def test_rows_that_the_mesh_cannot_share_are_refused(workdir):
  with pytest.raises(InputError, match=r"8 rows.* shared"):
    load(workdir, mesh=PartitioningConfig(data=3))
