"""`codegen-jax evaluate` over a run's folder: its table, its files, and what it refuses."""

import json

import pytest

from codegen_jax import distributed, evaluate, main
from codegen_jax.errors import InputError
from codegen_jax.evaluation import data_files
from tests import tiny_run
from tests.evaluation.benchmark_files import needs

SETTINGS = ("--gin.SAMPLES=1", "--gin.TEMPERATURES=(0.0,)", "--gin.GenerationConfig.k=(1,)",
            "--gin.GenerationConfig.max_new_tokens=4")  # fmt: skip


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
  return tiny_run.write(tmp_path_factory.mktemp("run"))


@pytest.fixture(autouse=True)
def one_process(monkeypatch):
  monkeypatch.setattr(distributed, "initialize", lambda *_: None)


def command(workdir, *flags: str) -> None:
  main.main(["evaluate", f"--workdir={workdir}", f"--gin_file={tiny_run.GIN}", *flags])


def results(workdir, name: str) -> list[dict]:
  return [json.loads(path.read_text()) for path in (workdir / "eval" / name).rglob("results.json")]


def test_a_benchmark_of_functions_ends_in_a_table_and_goes_on(workdir, capsys, monkeypatch):
  asked = ("--benchmarks=humaneval", "--limit=2", *SETTINGS)
  command(workdir, *asked)
  first = capsys.readouterr()
  rows = [line.split() for line in first.out.splitlines()]
  assert rows[0][:4] == ["humaneval", "pass@1", "t=0", "0.0000"]
  assert rows[1][:4] == ["humaneval", "prompt_perplexity", "non-pass", "t=0"]
  assert len(rows) == 2
  (result,) = results(workdir, "humaneval")
  assert result["n-samples"] == {"humaneval": {"original": 164, "effective": 2}}
  settings = result["config"]["model_args"]
  assert settings["step"] == 7 and settings["attention"] == "causal"
  assert settings["max_new_tokens"] == 4 and settings["model"]["vocab_size"] == 400
  # Nothing is left to ask.
  monkeypatch.setattr("codegen_jax.inference.language_model.LanguageModel.log_likelihood", None)
  command(workdir, *asked)
  assert capsys.readouterr().out == first.out


def test_likelihoods_have_their_table_and_another_training_its_own_folder(
  workdir, tmp_path, capsys, monkeypatch
):
  monkeypatch.setenv(data_files.VARIABLE, str(needs("piqa")))
  command(workdir, "--benchmarks=piqa", "--limit=3")
  rows = [line.split() for line in capsys.readouterr().out.splitlines()]
  assert [row[:2] for row in rows] == [["piqa", "acc"], ["piqa", "acc_norm"]]
  (other,) = results(workdir, "piqa")
  trained_anew = tiny_run.write(tmp_path, seed=6)
  (workdir / "eval" / "piqa").rename(tmp_path / "eval_of_others")
  (trained_anew / "eval").mkdir()
  (tmp_path / "eval_of_others").rename(trained_anew / "eval" / "piqa")
  command(trained_anew, "--benchmarks=piqa", "--limit=3")
  found = results(trained_anew, "piqa")
  assert len(found) == 2 and other in found
  weights = {result["config"]["model_args"]["weights"] for result in found}
  assert len(weights) == 2


@pytest.mark.parametrize(
  ("flags", "said"),
  [
    (["--benchmarks=humanevl"], "no benchmark 'humanevl'; did you mean humaneval?"),
    (["--benchmarks=piqa", "--limit=0"], "--limit is 0; give 1 or more"),
    (["--benchmarks="], "there is nothing to evaluate; name benchmarks: held_out, humaneval"),
    (["--benchmarks=held_out"], "name mixtures"),
    (["--benchmarks=humaneval", "--gin.SAMPLES=0"], "samples is 0"),
    (["--benchmarks=humaneval", "--gin.INFILL_LAYUOT='psm'"], "INFILL_LAYOUT"),
  ],
)
def test_what_cannot_be_measured_is_a_sentence_and_exit_code_2(flags, said, workdir, capsys):
  with pytest.raises(SystemExit) as left:
    main.exit_with_sentences(lambda: command(workdir, *flags), "codegen-jax")
  assert left.value.code == 2
  told = capsys.readouterr()
  assert said in told.err and len(told.err.splitlines()) == 1
  assert told.out == ""


def test_a_folder_without_a_checkpoint_is_a_sentence(tmp_path):
  with pytest.raises(InputError, match=r"there is no checkpoint in .* train first"):
    command(tmp_path, "--benchmarks=humaneval")


def test_columns_have_one_width():
  rows = [("a", "acc", "0.1"), ("longer", "b", "1")]
  assert evaluate.format_table(rows) == ["a       acc  0.1", "longer  b    1"]
