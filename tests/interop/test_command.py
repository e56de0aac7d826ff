"""A model of theirs is sampled from, measured and trained on here, and one of ours goes there."""

import json
import re
import shutil

import pytest

from codegen_jax import distributed, main
from codegen_jax.data import vocabulary
from codegen_jax.errors import InputError
from tests.interop import theirs

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def small_world(tmp_path, monkeypatch):
  """A few files to train on, a cache of one's own, and no network."""
  monkeypatch.setattr(distributed, "initialize", lambda *_: None)
  for name in ("code", "prose"):
    (tmp_path / name).mkdir()
    for i in range(60):
      ending = "py" if name == "code" else "md"
      (tmp_path / name / f"f{i}.{ending}").write_text(f"def f{i}(a, b):\n    return a + {i}\n" * 9)
    monkeypatch.setenv(f"CODEGEN_JAX_{name.upper()}", str(tmp_path / name))
  monkeypatch.setenv("CODEGEN_JAX_CACHE", str(tmp_path / "cache"))


def run(*argv: object) -> None:
  main.main([str(word) for word in argv])


def test_a_workdir_is_sampled_measured_trained_on_and_brought_back(tmp_path, monkeypatch, capsys):
  folder, ours, tuned = (tmp_path / name for name in ("theirs", "ours", "tuned"))
  theirs.save("codegen", folder)
  shutil.copy(theirs.tokenizer(str(tmp_path)), folder / "tokenizer.json")
  run("convert", "from-hf", folder, f"--out={ours}")
  assert "parameters in float32, qkv in 4 parts" in capsys.readouterr().out
  monkeypatch.setenv("CODEGEN_JAX_TOKENIZER", str(ours / "tokenizer.json"))
  gin = (
    f"--gin_file={ours / 'config.gin'}", "--gin.BATCH_SIZE=8", "--gin.TOTAL_STEPS=2",
    "--gin.WARMUP_STEPS=1", "--gin.HELD_OUT_ROWS=2", "--gin.PartitioningConfig.data=1",
  )  # fmt: skip

  prompt = "def f1(a, b):"
  run("sample", f"--workdir={ours}", *gin, f"--prompt={prompt}", "--temperature=0",
      "--max_new_tokens=8")  # fmt: skip
  said = capsys.readouterr().out
  loaded = theirs.transformers.AutoTokenizer.from_pretrained(folder)
  asked = loaded(prompt, return_tensors="pt")
  made = theirs.model("codegen").generate(
    **asked, do_sample=False, max_new_tokens=8, eos_token_id=None, pad_token_id=0
  )
  answer = made[0, asked["input_ids"].shape[1] :]
  ours_alone = vocabulary.ByteLevelBPE(ours / "tokenizer.json", rows=theirs.VOCAB)
  assert said == ours_alone.to_bytes(answer.numpy()).decode(errors="replace") + "\n"
  assert len(said) > 2  # spare rows of the embedding have no text

  run("evaluate", f"--workdir={ours}", *gin)
  assert "bits per byte" in capsys.readouterr().out
  run("train", f"--workdir={tuned}", *gin, f"--gin.INIT_FROM={ours}")
  assert f"begins from step 0 of {ours}: 15 of 15 leaves taken, 0 fresh" in capsys.readouterr().err
  run("evaluate", f"--workdir={tuned}", *gin)

  out = tmp_path / "back"
  run("convert", "to-hf", tuned, f"--out={out}", "--license=apache-2.0")
  tokenizer = theirs.transformers.AutoTokenizer.from_pretrained(out)
  assert tokenizer("def f3(a, b):")["input_ids"] == loaded("def f3(a, b):")["input_ids"]
  made, told = theirs.stock("codegen").from_pretrained(out, output_loading_info=True)
  assert not any(told.values())
  card = (out / "README.md").read_text()
  data = json.loads((tuned / "data.json").read_text())
  result = json.loads((tuned / "eval" / "imported_code_clm" / "2" / "results.json").read_text())
  assert card.startswith("---\nlicense: apache-2.0\nlibrary_name: transformers\n")
  assert data["fingerprint"] in card and "INIT_FROM" in card
  assert f"| imported_code_clm | bits_per_byte | {result['metrics']['bits_per_byte']:.4f} |" in card

  # Another tokenizer than the run's would make its text into other words.
  texts = ["another language " * 20]
  other = vocabulary.train(texts, vocab_size=280, num_masks=8, out=tmp_path / "other.json")
  monkeypatch.setenv("CODEGEN_JAX_TOKENIZER", str(other))
  with pytest.raises(InputError, match="was trained under another tokenizer than its mixture now"):
    run("convert", "to-hf", tuned, f"--out={tmp_path / 'never'}")


def test_flags_that_mean_nothing_here_are_refused(tmp_path, capsys):
  with pytest.raises(InputError, match="takes no gin flags"):
    run("convert", "from-hf", tmp_path, f"--out={tmp_path / 'x'}", "--gin.SEED=1")
  with pytest.raises(InputError, match="--mp_num is for CodeGen and CodeGen2"):
    folder = theirs.save("llama", tmp_path / "theirs")
    run("convert", "from-hf", folder, f"--out={tmp_path / 'x'}", "--mp_num=4")
  with pytest.raises(SystemExit) as left:
    run("convert", "to-hf", tmp_path)
  assert left.value.code == 2 and re.search("--out", capsys.readouterr().err)


def test_help_names_both_directions(capsys):
  with pytest.raises(SystemExit) as left:
    run("convert", "--help")
  said = capsys.readouterr().out
  assert left.value.code == 0 and "from-hf" in said and "to-hf" in said
