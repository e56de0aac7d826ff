"""What is odd in CodeGen's checkpoints is known, and nothing is guessed."""

import numpy as np
from numpy.testing import assert_array_equal
import pytest

from codegen_jax.errors import InputError
from codegen_jax.interop import from_hf, quirks, run, to_hf
from tests.interop import theirs

HUB = {"auto_map": {"AutoConfig": "configuration_codegen.CodeGenConfig"}}


def shape(layers: int, width: int, heads: int) -> dict:
  return {"n_layer": layers, "n_embd": width, "n_head": heads}


@pytest.mark.parametrize(
  ("config", "number"),
  [
    (shape(20, 1024, 16), 4),  # CodeGen 350M
    (shape(32, 2560, 32), 4),  # 2B
    (shape(33, 4096, 16), 4),  # 6B
    (shape(34, 6144, 24), 4),  # 16B
    (shape(16, 2048, 16) | {"head_dim": 128}, 8),  # CodeGen2 1B
    (shape(16, 4096, 16) | HUB, 8),  # CodeGen2 3.7B
    (shape(32, 4096, 16) | HUB, 4),  # CodeGen2 7B
    (shape(34, 6144, 24) | HUB | {"head_dim": 256}, 4),  # CodeGen2 16B
    (shape(3, 64, 8), 4),  # whatever transformers' own class has saved
    (shape(16, 2048, 16) | {"mp_num": 4}, 4),  # what was exported here
  ],
)
def test_the_parts_of_a_published_model_are_known(config, number):
  assert quirks.mp_num(config, None) == number
  assert quirks.mp_num(config, number) == number
  with pytest.raises(InputError, match=f"--mp_num is {12 - number} and qkv_proj of .* is in"):
    quirks.mp_num(config, 12 - number)


@pytest.mark.parametrize(
  "config",
  [
    shape(16, 2048, 16),  # CodeGen2-1B's shape in a config that does not say it is CodeGen2's
    shape(3, 64, 8) | HUB,  # somebody's own model under CodeGen2's code
    shape(3, 64, 8) | {"head_dim": 8},
  ],
)
def test_parts_that_nothing_tells_are_asked_for(config):
  with pytest.raises(InputError, match=r"no shape shows it: give --mp_num=8"):
    quirks.mp_num(config, None)
  assert quirks.mp_num(config, 8) == 8
  with pytest.raises(InputError, match="mp_num is 3, which does not divide"):
    quirks.mp_num(config, 3)
  with pytest.raises(InputError, match=r"mp_num in config.json is 'four' and must be"):
    quirks.mp_num(config | {"mp_num": "four"}, None)


def test_rows_of_a_fused_matrix_are_queries_values_keys_in_each_part():
  # 2 parts, 4 heads of 4:   q0 q1 v0 v1 k0 k1 | q2 q3 v2 v3 k2 k3
  def rows(which):
    return quirks.qkv_rows(which, num_heads=4, head_dim=4, mp_num=2)

  assert_array_equal(rows("value")[:, 0], [8, 12, 32, 36])
  assert_array_equal(rows("value")[0], [8, 9, 10, 11])
  assert_array_equal(rows("query")[0], [0, 2, 1, 3])  # (0, 1), (2, 3) turn together
  assert_array_equal(rows("key")[3], [44, 46, 45, 47])
  every = np.concatenate([rows(which).ravel() for which in ("query", "key", "value")])
  assert_array_equal(np.sort(every), np.arange(48))


def test_buffers_are_no_weights():
  buffers = [
    "transformer.h.0.attn.causal_mask",
    "transformer.h.0.attn.masked_bias",
    "transformer.h.9.attn.bias",
    "model.layers.0.self_attn.rotary_emb.inv_freq",
  ]
  weights = ["transformer.h.0.ln_1.bias", "lm_head.bias", "transformer.h.0.mlp.fc_in.bias"]
  assert quirks.without_buffers([*buffers, *weights]) == weights


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_a_folder_with_masks_is_read_as_one_without(kind, tmp_path):
  torch = theirs.torch
  folder = theirs.save("codegen", tmp_path / "theirs")
  before = theirs.stored(folder)
  mask = torch.tril(torch.ones(1, 1, 16, 16, dtype=torch.uint8))
  masks = {f"transformer.h.{i}.attn.causal_mask": mask.bool().clone() for i in range(3)}
  masks |= {f"transformer.h.{i}.attn.masked_bias": torch.tensor(-1e9) for i in range(3)}
  theirs.write(folder, before | masks, kind=kind)
  if kind == "bin":
    (folder / "model.safetensors").unlink()
  assert round_trip(folder).keys() == before.keys()


def test_the_bias_of_an_embedding_is_in_every_row(tmp_path):
  folder = theirs.save("codegen", tmp_path / "theirs", dtype="bfloat16")
  before = theirs.stored(folder)
  bias = theirs.torch.arange(64, dtype=theirs.torch.bfloat16)
  theirs.write(folder, before | {"transformer.wte.bias": bias})
  after = round_trip(folder)
  assert after.keys() == before.keys()
  wanted = before["transformer.wte.weight"].float() + bias.float()
  assert theirs.torch.equal(after["transformer.wte.weight"], wanted)
  theirs.write(folder, before | {"transformer.wte.bias": bias[:5].clone()})
  with pytest.raises(InputError, match=r"transformer.wte.bias is \(5,\) and"):
    from_hf.convert(folder, tmp_path / "never", name="x")


def round_trip(folder) -> dict:
  from_hf.convert(folder, folder.with_name("ours"), name="x")
  to_hf.convert(run.read(folder.with_name("ours")), folder.with_name("back"), vocabulary=None)
  return theirs.stored(folder.with_name("back"))


@pytest.mark.parametrize(
  ("eos_id", "rows", "end"), [(None, 51200, 50256), (None, 512, None), (301, 51200, 301)]
)
def test_a_text_ends_with_a_token_that_exists(eos_id, rows, end):
  assert quirks.end_of_text(eos_id, vocab_size=rows) == end
