"""Every published size is one that transformers' class has, weight for weight."""

import json
import math
import pathlib

import pytest

from codegen_jax import config as gin_config
from codegen_jax import partitioning
from codegen_jax.inference import loading
from codegen_jax.interop import families, quirks, weights
from codegen_jax.interop.told import Told
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.transformer import Transformer
from codegen_jax.run_config import RunConfig
from codegen_jax.training import stored_leaves

FOLDER = pathlib.Path(__file__).parents[2] / "gin_configs" / "models"
MODELS = sorted(FOLDER.glob("codegen*.gin"))
EIGHT_PARTS = ("codegen2_1b", "codegen2_3_7b")


def model(file: pathlib.Path) -> TransformerConfig:
  arm = "gin_configs/ablations/lesson1_causal.gin"
  return gin_config.load(RunConfig, [arm, str(file)]).config.train.model


def tensors(made: TransformerConfig) -> dict[str, tuple[int, ...]]:
  mesh = partitioning.make_mesh(partitioning.spread(made.embed_dim))
  leaves = stored_leaves.named(loading.abstract_params(Transformer(made), mesh))
  return weights.expected(families.of_ours(made.block).origins(made, 4), leaves)


@pytest.mark.parametrize("file", MODELS, ids=lambda file: file.stem)
def test_a_published_size_has_all_its_tensors_and_its_config_comes_back(file, tmp_path):
  made = model(file)
  family = families.of_ours(made.block)
  assert sum(map(math.prod, tensors(made).values())) == made.num_params
  told = {"model_type": family.MODEL_TYPE, **family.write_config(made, 2048)}
  (tmp_path / "config.json").write_text(json.dumps(told))
  back = Told(tmp_path / "config.json")
  assert families.of_theirs(back) is family and family.positions(back) == 2048
  shape = ("remat", "dtype", "param_dtype", "attention_kernel", "unroll")
  for field, value in vars(family.read_config(back)).items():
    assert field in shape or value == getattr(made, field), field
  if made.block == "codegen":
    hub = {k: v for k, v in told.items() if k != "mp_num"} | {"auto_map": {}}
    assert quirks.mp_num(hub, None) == (8 if file.stem in EIGHT_PARTS else 4)
    assert quirks.mp_num(told, None) == 4  # an export


def test_tensors_of_the_largest_are_named_and_shaped_as_published():
  found = tensors(model(FOLDER / "codegen_16b.gin"))
  assert len(found) == 34 * 8 + 5
  assert found["transformer.h.33.attn.qkv_proj.weight"] == (18432, 6144)
  assert found["transformer.h.33.mlp.fc_in.weight"] == (24576, 6144)
  assert found["lm_head.weight"] == found["transformer.wte.weight"] == (51200, 6144)


def test_tensors_of_codegen25_are_named_and_shaped_as_published():
  found = tensors(model(FOLDER / "codegen25_7b.gin"))
  assert len(found) == 32 * 9 + 3
  assert found["model.layers.31.mlp.down_proj.weight"] == (4096, 11008)
  assert found["model.layers.0.self_attn.o_proj.weight"] == (4096, 4096)
