"""What cannot be converted is named in one sentence, and nothing half-written stays behind."""

import json
import pathlib
import re

import pytest

from codegen_jax import main
from codegen_jax.errors import InputError
from codegen_jax.interop import from_hf, repository, run, to_hf
from tests.interop import theirs

QKV = "transformer.h.1.attn.qkv_proj.weight"


@pytest.fixture
def folder(tmp_path):
  return theirs.save("codegen", tmp_path / "theirs")


def refused(folder: pathlib.Path, sentence: str, **options) -> None:
  with pytest.raises(InputError, match=sentence) as error:
    from_hf.convert(folder, folder.with_name("ours"), name="x", **options)
  assert "\n" not in str(error.value)
  assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def change_config(folder: pathlib.Path, **fields) -> None:
  path = folder / "config.json"
  path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def change_weights(folder: pathlib.Path, change, kind: str = "safetensors") -> None:
  weights = theirs.stored(folder)
  change(weights)
  theirs.write(folder, weights, kind=kind)


@pytest.mark.parametrize(
  ("fields", "sentence"),
  [
    ({"model_type": "gptj"}, "a model of type 'gptj'; there are 'codegen'.* and 'llama'"),
    ({"activation_function": "relu"}, "activation_function in .* is 'relu', and models here have"),
    ({"tie_word_embeddings": True}, "tie_word_embeddings in .* is True"),
    ({"n_layer": "three"}, "n_layer in .* is 'three' and must be a whole number"),
    ({"n_head": 6}, r"n_embd \(64\) in .* is no multiple of n_head \(6\)"),
    ({"n_head": 2}, "mp_num is 4, which does not divide the 2 heads"),
    ({"n_layer": 4}, "lacks the tensor transformer.h.3.ln_1.weight and 7 more"),
    ({"n_layer": 2}, "has the tensor transformer.h.2.attn.out_proj.weight and 7 more"),
    ({"vocab_size": 500}, r"transformer.wte.weight in .* has the shape \(512, 64\), and \(500, 6"),
  ],
)  # fmt: skip
def test_another_model_is_told_by_its_config(fields, sentence, folder):
  change_config(folder, **fields)
  refused(folder, sentence)


@pytest.mark.parametrize(
  ("fields", "sentence"),
  [
    ({"num_key_value_heads": 2}, "num_key_value_heads in .* is 2, and models here have 8"),
    ({"attention_bias": True}, "attention_bias in .* is True"),
    ({"rope_parameters": {"rope_type": "yarn"}}, "is of type 'yarn'"),
    ({"rope_scaling": {"type": "linear", "factor": 2}}, "rope_scaling in .* is"),
    ({"head_dim": 16}, "head_dim in .* is 16, and models here have 8"),
  ],
)
def test_another_llama_is_told_by_its_config(fields, sentence, tmp_path):
  folder = theirs.save("llama", tmp_path / "theirs")
  change_config(folder, **fields)
  refused(folder, sentence)


@pytest.mark.parametrize(
  ("change", "sentence"),
  [
    (lambda w: w.pop(QKV), f"lacks the tensor {QKV}, which"),
    (lambda w: w.pop("lm_head.bias"), "lacks the tensor lm_head.bias, which"),
    (lambda w: w.update({"value.weight": w[QKV][:1].clone()}), "has the tensor value.weight, for"),
    (
      lambda w: w.update({QKV: w[QKV][:-1].clone()}),
      re.escape(f"{QKV} in ") + r".* has the shape \(191, 64\), and \(192, 64\) follows",
    ),
    (
      lambda w: w.update({QKV: w[QKV].to(theirs.torch.int8)}),
      f"{QKV} in .* is neither float32 nor float16 nor bfloat16; a quantised",
    ),
  ],
  ids=["missing", "missing bias", "extra", "shape", "quantised"],
)
@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_a_tensor_that_does_not_fit_is_named(change, sentence, kind, folder):
  change_weights(folder, change, kind)
  if kind == "bin":
    (folder / "model.safetensors").unlink()
  refused(folder, sentence)


@pytest.mark.parametrize("kept", [0, 4, 300, 0.5, 0.999])
@pytest.mark.parametrize("form", ["safetensors", "bin", "safetensors parts", "bin parts"])
def test_a_file_that_is_cut_short_is_named(form, kept, tmp_path):
  folder = theirs.save("codegen", tmp_path / "theirs", form=form)
  file = next(file for file in sorted(folder.iterdir()) if file.suffix in (".safetensors", ".bin"))
  whole = file.read_bytes()
  file.write_bytes(whole[: int(kept * len(whole)) if isinstance(kept, float) else kept])
  refused(folder, f"{re.escape(file.name)} is damaged or cut short")


def test_a_part_that_is_not_there_is_named_with_what_it_should_hold(tmp_path):
  folder = theirs.save("codegen", tmp_path / "theirs", form="safetensors parts")
  index = folder / "model.safetensors.index.json"
  told = json.loads(index.read_text())
  moved = told["weight_map"]["lm_head.weight"]
  (folder / moved).rename(folder / "aside")
  refused(folder, f"{moved}, which model.safetensors.index.json names for .*, is not there")
  (folder / "aside").rename(folder / moved)
  other = next(file for file in told["weight_map"].values() if file != moved)
  index.write_text(json.dumps({"weight_map": {**told["weight_map"], "lm_head.weight": other}}))
  refused(folder, "lm_head.weight, ")
  index.write_text("{}")
  refused(folder, "is no index of tensors and their files")


def test_a_folder_without_a_model_says_what_was_looked_for(folder):
  (folder / "model.safetensors").unlink()
  refused(folder, "has no weights: model.safetensors, pytorch_model.bin")
  (folder / "config.json").unlink()
  refused(folder, "config.json cannot be read")


def test_a_file_of_an_old_torch_is_to_be_saved_anew(folder):
  weights = theirs.stored(folder)
  (folder / "model.safetensors").unlink()
  path = folder / "pytorch_model.bin"
  theirs.torch.save(weights, path, _use_new_zipfile_serialization=False)
  refused(folder, r"saved by a torch before 1.6, .* or load and save it once")
  theirs.torch.save([1, 2], path)
  refused(folder, "holds no dictionary of tensors")


def test_pickled_code_is_never_run(folder, tmp_path):
  class Code:
    def __reduce__(self):
      return pathlib.Path.touch, (tmp_path / "ran",)

  theirs.torch.save({"lm_head.weight": Code()}, folder / "pytorch_model.bin")
  (folder / "model.safetensors").unlink()
  refused(folder, "pytorch_model.bin is damaged or cut short, or no file of tensors")


def test_what_is_there_already_is_left_alone(folder, tmp_path):
  (tmp_path / "ours").mkdir()
  (tmp_path / "ours" / "notes").write_text("mine")
  with pytest.raises(InputError, match="ours is there already"):
    from_hf.convert(folder, tmp_path / "ours", name="x")
  assert (tmp_path / "ours" / "notes").read_text() == "mine"


def test_an_interrupt_leaves_nothing(folder, tmp_path, monkeypatch):
  def interrupted(*_, **__):
    raise KeyboardInterrupt

  monkeypatch.setattr(from_hf.placing, "place", interrupted)
  with pytest.raises(KeyboardInterrupt):
    from_hf.convert(folder, tmp_path / "ours", name="x")
  assert [path.name for path in tmp_path.iterdir()] == ["theirs"]


def test_what_is_no_workdir_is_not_exported(folder, tmp_path):
  with pytest.raises(InputError, match=r"has no config.json of a run"):
    run.read(folder.parent)
  from_hf.convert(folder, tmp_path / "ours", name="x")
  with pytest.raises(InputError, match="no checkpoint of step 7; it has 0"):
    run.read(tmp_path / "ours", 7)
  told = json.loads((tmp_path / "ours" / "config.json").read_text())
  told["model"]["num_layers"] = 2
  (tmp_path / "ours" / "config.json").write_text(json.dumps(told))
  with pytest.raises(InputError, match=r"does not hold the model of its config.json"):
    to_hf.convert(run.read(tmp_path / "ours"), tmp_path / "back", vocabulary=None)
  data = next(
    p for p in (tmp_path / "ours" / "checkpoints" / "0").rglob("d/*") if p.stat().st_size > 1000
  )
  data.write_bytes(data.read_bytes()[:-1])
  with pytest.raises(InputError, match=r"step 0 of .* is damaged"):
    run.read(tmp_path / "ours")
  assert sorted(path.name for path in tmp_path.iterdir()) == ["ours", "theirs"]


def test_a_name_of_the_hub_is_one_in_the_cache_or_a_sentence(folder, tmp_path, monkeypatch):
  monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
  monkeypatch.delenv("HF_HUB_CACHE", raising=False)
  name = "Salesforce/codegen-350M-mono"
  with pytest.raises(InputError, match=f"{name} is no folder, and .* nothing is downloaded here"):
    repository.folder(name)
  cached = tmp_path / "home" / "hub" / "models--Salesforce--codegen-350M-mono"
  (cached / "refs").mkdir(parents=True)
  (cached / "refs" / "main").write_text("abc")
  (cached / "snapshots").mkdir()
  folder.rename(cached / "snapshots" / "abc")
  assert repository.folder(name) == cached / "snapshots" / "abc"


def test_the_command_line_exits_with_2_and_one_sentence(folder, capsys):
  change_config(folder, model_type="gptj")
  with pytest.raises(SystemExit) as left:
    main.exit_with_sentences(
      lambda: main.main(["convert", "from-hf", str(folder), f"--out={folder.parent / 'ours'}"]),
      "codegen-jax",
    )
  said = capsys.readouterr().err
  assert left.value.code == 2 and len(said.splitlines()) == 1 and "'gptj'" in said
