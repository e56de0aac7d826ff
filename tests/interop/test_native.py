"""Weights of ours go there and come back bit for bit, onto any mesh; PyTorch has no part in it."""

import dataclasses
import json
import pathlib

import numpy as np
from numpy.testing import assert_array_equal
import pytest

from codegen_jax import partitioning
from codegen_jax.checkpoint.checkpoints import Checkpoints
from codegen_jax.checkpoint.retention import Retention
from codegen_jax.errors import InputError
from codegen_jax.inference import loading
from codegen_jax.interop import families, from_hf, model_card, placing, quirks, run, tensors, to_hf
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.transformer import Transformer
from codegen_jax.partitioning import PartitioningConfig
from codegen_jax.training import stored_leaves
from tests import tiny

pytest.importorskip("safetensors")
ONE, EIGHT = PartitioningConfig(1, 1, 1), PartitioningConfig(2, 2, 2)
# Every size differs from the others, so that two that are swapped do not fit.
CODEGEN = TransformerConfig(
  vocab_size=48, embed_dim=24, num_layers=3, num_heads=4, head_dim=6, rotary_dim=4, mlp_dim=20
)
LLAMA = dataclasses.replace(CODEGEN, block="llama", rotary_dim=6, rotary_base=500_000.0)
MODELS = {"codegen": CODEGEN, "llama": LLAMA}
blocks = pytest.mark.parametrize("block", MODELS)


def written(workdir: pathlib.Path, model: TransformerConfig, **config) -> dict[str, np.ndarray]:
  """The workdir of a run that was never trained; its weights."""
  params = tiny.random_params(np.random.default_rng(0), model)
  saved = Checkpoints(workdir / "checkpoints", retention=Retention(9))
  saved.save(200, params=params, opt_state={"step": np.int32(200)}, data={})
  saved.close()
  told = {"model": dataclasses.asdict(model), "data": {"seq_len": 64}, **config}
  (workdir / "config.json").write_text(json.dumps(told))
  return stored_leaves.named(params)


def exported(workdir: pathlib.Path, **options) -> pathlib.Path:
  out = workdir.with_name("theirs")
  to_hf.convert(run.read(workdir), out, vocabulary=None, **options)
  return out


@blocks
@pytest.mark.parametrize("shard_bytes", [10**9, 4000])
def test_weights_come_back_as_they_went(block, shard_bytes, tmp_path):
  before = written(tmp_path / "ours", MODELS[block])
  folder = exported(tmp_path / "ours", shard_bytes=shard_bytes)
  made = from_hf.convert(folder, tmp_path / "back", name="x")
  assert made.model == MODELS[block]
  loaded = loading.load(tmp_path / "back", model=made.model, partitioning_config=ONE)
  after = stored_leaves.named(loaded.params)
  assert before.keys() == after.keys() and loaded.step == 0
  for name, weight in before.items():
    assert_array_equal(after[name], weight)


@blocks
def test_each_device_reads_its_own_part(block, tmp_path):
  model = MODELS[block]
  before = written(tmp_path / "ours", model)
  origins = families.of_ours(block).origins(model, quirks.STOCK_MP_NUM)
  mesh = partitioning.make_mesh(EIGHT)
  leaves = stored_leaves.named(loading.abstract_params(Transformer(model), mesh))
  found = tensors.OfFolder(exported(tmp_path / "ours"))
  split = 0
  for name, leaf in leaves.items():
    placed = placing.place(origins[name], leaf, found, placed=lambda: None)
    assert placed.sharding.is_equivalent_to(leaf.sharding, placed.ndim)
    assert_array_equal(placed, before[name])
    split += placed.addressable_shards[0].data.size < placed.size
  assert split >= 7  # matrices; vectors are copied


def test_files_are_no_larger_than_asked_but_for_one_tensor(tmp_path):
  written(tmp_path / "ours", CODEGEN)
  folder = exported(tmp_path / "ours", shard_bytes=4000)
  index = json.loads((folder / "model.safetensors.index.json").read_text())
  files = sorted(folder.glob("*.safetensors"))
  assert {file.name for file in files} == set(index["weight_map"].values())
  assert index["metadata"]["total_size"] == 4 * CODEGEN.num_params
  held = {f.name: [n for n, of in index["weight_map"].items() if of == f.name] for f in files}
  for file in files:
    assert file.stat().st_mode & 0o777 == 0o644
    assert file.stat().st_size < 4000 + 2000 or len(held[file.name]) == 1  # a header, too


@pytest.mark.parametrize(
  ("fields", "sentence"),
  [
    ({"num_heads": 3, "head_dim": 8}, "which 3 heads cannot be shared by"),
    ({"head_dim": 8}, "this model has 4 heads of 8 and is 24 wide"),
    ({"rotary_dim": 0}, "this model has rotary_dim 0"),
    ({"rotary_base": 5e5}, "and rotary_base 500000"),
    ({"block": "llama"}, "this model turns 4 of 6"),
  ],
)
def test_what_transformers_has_no_class_for_is_not_exported(fields, sentence, tmp_path):
  written(tmp_path / "ours", dataclasses.replace(CODEGEN, **fields))
  with pytest.raises(InputError, match=sentence):
    exported(tmp_path / "ours")
  assert [path.name for path in tmp_path.iterdir()] == ["ours"]


def test_an_encoder_is_not_exported_and_a_prefix_lm_says_what_it_is(tmp_path):
  written(tmp_path / "ours", CODEGEN, attention="bidirectional")
  with pytest.raises(InputError, match="is an encoder, which reads both ways"):
    exported(tmp_path / "ours")
  written(tmp_path / "prefix", CODEGEN, attention="prefix")
  card = (exported(tmp_path / "prefix") / "README.md").read_text()
  assert "It was trained as a PrefixLM" in card and "was not measured" in card


def test_a_card_has_the_results_of_its_own_step(tmp_path):
  workdir = tmp_path / "200"  # no step's
  written(workdir, CODEGEN)
  for step in (200, 300):
    held_out = workdir / "eval" / "code_clm" / str(step)
    held_out.mkdir(parents=True)
    told = {"settings": {"step": step, "mixture": "code_clm"}, "metrics": {"bits_per_byte": step}}
    (held_out / "results.json").write_text(json.dumps(told))
    benchmark = workdir / "eval" / "humaneval" / str(step) / "a1b2"
    benchmark.mkdir(parents=True)
    values = {"alias": "humaneval", "pass@1,t0.2": step / 1000, "pass@1_stderr,t0.2": 0.1}
    (benchmark / "results.json").write_text(json.dumps({"results": {"humaneval": values}}))
  assert [found[:3] for found in sorted(model_card.results(workdir, 200))] == [
    ("code_clm", "bits_per_byte", 200),
    ("humaneval", "pass@1 (t0.2)", 0.2),
  ]
