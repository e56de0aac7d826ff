"""Every model file of gin_configs/models makes the network whose name it has."""

import pathlib

from flax import linen as nn
import jax
import numpy as np
import pytest

from codegen_jax import config
from codegen_jax.models import masks
from codegen_jax.models.transformer import Transformer
from codegen_jax.run_config import RunConfig
from codegen_jax.training.config import TrainConfig

ROOT = pathlib.Path(__file__).resolve().parents[2] / "gin_configs"

# Computed from the shapes of the published checkpoints; CodeGen2-3.7B's is also published.
PUBLISHED = {
  "codegen_350m": 356_712_448,
  "codegen_2b": 2_779_356_160,
  "codegen_6b": 7_064_213_504,
  "codegen_16b": 16_032_155_648,
  "codegen2_1b": 1_015_306_240,
  "codegen2_3_7b": 3_641_174_016,
  "codegen2_7b": 6_862_858_240,
  "codegen2_16b": 16_032_155_648,
  "codegen25_7b": 6_895_702_016,
}
OURS = {"encoder_125m", "encoder_350m", "demo", "tiny"}


def train_config(name: str) -> TrainConfig:
  files = [ROOT / "ablations" / "lesson1_causal.gin", ROOT / "models" / f"{name}.gin"]
  return config.load(RunConfig, [str(file) for file in files]).config.train


def num_params(name: str) -> int:
  """Of the network itself; no array is made."""
  one = np.ones((1, 2), np.int32)
  init = Transformer(train_config(name).model).init
  variables = jax.eval_shape(init, jax.random.key(0), one, mask=masks.AttentionMask(one, one))
  return sum(leaf.size for leaf in jax.tree.leaves(nn.unbox(variables["params"])))


def test_every_model_file_is_published_or_ours():
  assert {file.stem for file in (ROOT / "models").glob("*.gin")} == {*PUBLISHED, *OURS}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_network_has_its_parameters_to_the_unit(name):
  assert num_params(name) == PUBLISHED[name]


@pytest.mark.parametrize("name", [*PUBLISHED, *sorted(OURS)])
def test_the_count_by_formula_is_the_network_s(name):
  assert train_config(name).model.num_params == num_params(name)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_read_2048_tokens_of_51200(name):
  run = train_config(name)
  assert (run.data.seq_len, run.model.vocab_size) == (2048, 51_200)


def test_batches_are_those_of_jaxformer_s_runs():
  # jaxformer's config/*.json: cores / model parallel x per replica x accumulation x 2,048.
  tokens = {name: train_config(name).data.batch_size * 2048 for name in PUBLISHED}
  assert tokens["codegen_350m"] == tokens["codegen2_1b"] == 524_288
  assert tokens["codegen_2b"] == tokens["codegen_6b"] == 1_048_576
