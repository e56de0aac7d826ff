"""A model says the same there, here, and there again."""

import json
import pathlib

import numpy as np
from numpy.testing import assert_allclose
import pytest

from codegen_jax.inference import loading
from codegen_jax.interop import from_hf, run, to_hf
from codegen_jax.models import masks
from codegen_jax.models.config import TransformerConfig
from codegen_jax.partitioning import PartitioningConfig
from tests.interop import theirs
from tests.tiny import packed

ONE = PartitioningConfig(1, 1, 1)
TOKENS = np.random.default_rng(0).integers(0, theirs.VOCAB, 64)
FORMS = ("safetensors", "safetensors parts", "bin", "bin parts")
families = pytest.mark.parametrize("family", theirs.FAMILIES)


def imported(family: str, tmp_path: pathlib.Path, **saved) -> pathlib.Path:
  folder = theirs.save(family, tmp_path / "theirs", **saved)
  from_hf.convert(
    folder, tmp_path / "ours", name=family,
    mp_num=8 if family == "codegen2" else None,
  )  # fmt: skip
  return tmp_path / "ours"


def exported(workdir: pathlib.Path, **options) -> pathlib.Path:
  out = workdir.with_name("back")
  to_hf.convert(run.read(workdir), out, vocabulary=None, **options)
  return out


def model_of(workdir: pathlib.Path) -> TransformerConfig:
  return run.read(workdir).model


def our_logits(workdir: pathlib.Path) -> np.ndarray:
  loaded = loading.load(workdir, model=model_of(workdir), partitioning_config=ONE)
  batch = packed(TOKENS.tolist())
  mask = masks.training_mask(batch, "causal")
  return np.asarray(loaded.network.apply({"params": loaded.params}, batch.inputs, mask=mask))


@families
def test_logits_here_are_those_there(family, tmp_path):
  workdir = imported(family, tmp_path)
  wanted = theirs.logits(theirs.model(family), TOKENS[None])
  assert_allclose(our_logits(workdir), wanted, atol=1e-4)
  assert np.std(wanted) > 0.1


def test_another_mp_num_is_another_model(tmp_path):
  # What makes the test above able to fail: no shape differs.
  folder = theirs.save("codegen", tmp_path / "theirs", head_dim=8)
  from_hf.convert(folder, tmp_path / "ours", name="x", mp_num=8)
  wanted = theirs.logits(theirs.model("codegen"), TOKENS[None])
  assert np.abs(our_logits(tmp_path / "ours") - wanted).max() > 0.1


@families
def test_transformers_own_class_loads_an_export_and_says_the_same(family, tmp_path):
  out = exported(imported(family, tmp_path), shard_bytes=100_000)
  assert len(list(out.glob("model-*-of-*.safetensors"))) > 2
  made, told = theirs.stock(family).from_pretrained(out, output_loading_info=True)
  assert not any(told.values()), told
  wanted = theirs.logits(theirs.model(family), TOKENS[None])
  assert_allclose(theirs.logits(made.eval(), TOKENS[None]), wanted, atol=1e-4)


@families
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_round_trip_gives_the_same_bits(family, dtype, tmp_path):
  workdir = imported(family, tmp_path, dtype=dtype)
  kept = "bfloat16" if dtype == "bfloat16" else "float32"
  assert model_of(workdir).param_dtype == kept
  before, after = theirs.stored(tmp_path / "theirs"), theirs.stored(exported(workdir, dtype=dtype))
  assert before.keys() == after.keys()
  for name, tensor in before.items():
    assert tensor.dtype == after[name].dtype
    if "qkv_proj" not in name or family != "codegen2":
      assert theirs.torch.equal(tensor, after[name]), name
    else:  # the same rows, where transformers' own class looks for them
      assert theirs.torch.equal(in_four_parts(tensor), after[name]), name


def in_four_parts(weight):
  """Rows of a qkv_proj in eight parts, by hand: each part is queries, values, keys."""
  parts = weight.chunk(8)
  query, value, key = (theirs.torch.cat([p.chunk(3)[i] for p in parts]) for i in range(3))
  four = zip(*(one.chunk(4) for one in (query, value, key)), strict=True)
  return theirs.torch.cat([theirs.torch.cat(part) for part in four])


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_file_holds_the_same_weights(form, tmp_path):
  workdir = imported("codegen", tmp_path, form=form, dtype="bfloat16")
  before = {k: v.to(theirs.torch.bfloat16) for k, v in theirs.model("codegen").state_dict().items()}
  after = theirs.stored(exported(workdir))
  assert before.keys() == after.keys()
  for name, tensor in before.items():
    assert theirs.torch.equal(tensor, after[name]), name


@families
def test_greedy_continuations_are_the_same(family, tmp_path):
  from codegen_jax.inference.language_model import LanguageModel
  from codegen_jax.inference.requests import Request
  from codegen_jax.inference.settings import SamplingConfig
  from tests.inference.pieces import Pieces

  workdir = imported(family, tmp_path)
  made = theirs.stock(family).from_pretrained(exported(workdir)).eval()
  loaded = loading.load(workdir, model=model_of(workdir), partitioning_config=ONE)
  ours = LanguageModel(
    loaded.params, model_of(workdir), attention="causal", vocabulary=Pieces(), chunk=8
  )
  prompt = (5, 17, 3, 44)
  settings = SamplingConfig(temperature=0.0, max_new_tokens=24, stop_tokens=())
  (answer,) = ours.generate([Request("t", "0", 0, prompt)], settings)
  for one in (theirs.model(family), made):
    wanted = one.generate(
      theirs.torch.tensor([prompt]), attention_mask=theirs.torch.ones(1, 4), do_sample=False,
      max_new_tokens=24, eos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    assert answer.tokens.tolist() == wanted[0, 4:].tolist()


def test_a_number_that_a_type_cannot_hold_is_refused_and_a_rounded_one_told(tmp_path):
  from codegen_jax.errors import InputError

  workdir = imported("codegen", tmp_path)
  told = to_hf.convert(run.read(workdir), tmp_path / "half", vocabulary=None, dtype="float16")
  assert "transformer.h.0.attn.qkv_proj.weight" in told.rounded
  folder = theirs.save("codegen", tmp_path / "large")
  weights = theirs.stored(folder) | {"lm_head.bias": theirs.torch.full((theirs.VOCAB,), 1e9)}
  theirs.write(folder, weights)
  from_hf.convert(folder, tmp_path / "large_ours", name="large")
  with pytest.raises(InputError, match=r"lm_head.bias holds 1e\+09, which float16 cannot"):
    to_hf.convert(
      run.read(tmp_path / "large_ours"), tmp_path / "never", vocabulary=None, dtype="float16"
    )
  assert not (tmp_path / "never").exists() and not list(tmp_path.glob(".*"))


@families
def test_the_record_of_an_import_names_its_model_whole(family, tmp_path):
  workdir = imported(family, tmp_path)
  told = json.loads((workdir / "config.json").read_text())
  assert told["converted"]["mp_num"] == (theirs.MP_NUM[family] or 1)
  assert told["converted"]["config"]["eos_token_id"] == 2
  assert told["data"]["seq_len"] == 128
