"""lm-eval's own command line over a run's folder, beside `codegen-jax evaluate` over the same."""

import json
import pathlib
import subprocess
import sys

import pytest

pytest.importorskip("lm_eval", reason="lm-eval is not installed; make peers installs it")

from codegen_jax import evaluate
from codegen_jax.evaluation import data_files
from codegen_jax.interop.lm_eval import CodegenJax
from tests import tiny_language_model as tiny
from tests import tiny_run
from tests.environment import ENVIRONMENT

ROOT = pathlib.Path(__file__).resolve().parents[2]
PASSAGES = ["the parser returns the object", "a string was expected", "it reads one value"]
TASK = """\
task: passages
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
output_type: loglikelihood
test_split: test
doc_to_text: "{{{{text.split(' ')[:-1]|join(' ')}}}}"
doc_to_target: "{{{{' '+text.split(' ')[-1]}}}}"
metric_list:
  - {{metric: perplexity, aggregation: perplexity, higher_is_better: false}}
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
metadata: {{version: 1.0}}
"""


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
  return tiny_run.write(tmp_path_factory.mktemp("run"))


def command(*flags: str, home: pathlib.Path) -> subprocess.CompletedProcess:
  call = [sys.executable, "-m", "codegen_jax.interop.lm_eval", "--model", "codegen_jax", *flags]
  environment = ENVIRONMENT | {"HF_HOME": str(home)}
  return subprocess.run(call, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_arguments_load_the_checkpoint_that_they_name(workdir):
  by_text = CodegenJax.create_from_arg_string(
    f"workdir={workdir},max_length=40,seed=3", {"batch_size": "2", "device": "cuda"}
  )
  by_object = CodegenJax.create_from_arg_obj(
    {"checkpoint": str(workdir), "gin_file": tiny_run.GIN}, {"batch_size": None}
  )
  # Tests have eight devices, and no row is too few for one of them.
  assert (by_text.max_length, by_text.batch_size, by_text._seed) == (40, 8, 3)
  assert (by_object.max_length, by_object.batch_size, by_object._window) == (None, 16, 32)
  pairs = [(("", ""), [1, 2], [3, 4])]
  (wanted,) = CodegenJax(tiny.make_model(), tiny.make_vocabulary())._loglikelihood_tokens(pairs)
  for lm in (by_text, by_object):
    (got,) = lm._loglikelihood_tokens(pairs)
    assert got[0] == pytest.approx(wanted[0], rel=1e-6)


@pytest.mark.slow
def test_its_numbers_are_those_of_evaluate(workdir, tmp_path, monkeypatch):
  file = tmp_path / "lambada" / "lambada_test.jsonl"
  file.parent.mkdir()
  file.write_text("".join(json.dumps({"text": text}) + "\n" for text in PASSAGES))
  (tmp_path / "passages.yaml").write_text(TASK.format(file=file))
  done = command(
    "--model_args", f"workdir={workdir}", "--batch_size", "2", "--tasks", "passages",
    "--include_path", str(tmp_path), "--output_path", str(tmp_path / "out"),
    home=tmp_path / "home",
  )  # fmt: skip
  assert done.returncode == 0, done.stderr
  assert "|passages|" in done.stdout
  (written,) = (tmp_path / "out").rglob("*.json")
  theirs = json.loads(written.read_text())["results"]["passages"]
  monkeypatch.setenv(data_files.VARIABLE, str(tmp_path))
  evaluate.run([tiny_run.GIN], [], workdir, names=["lambada_openai"])
  (written,) = (workdir / "eval").rglob("results.json")
  ours = json.loads(written.read_text())["results"]["lambada_openai"]
  assert ours["acc,none"] == theirs["acc,none"]
  assert ours["perplexity,none"] == pytest.approx(theirs["perplexity,none"], rel=1e-6)


@pytest.mark.slow
def test_a_mistake_is_one_sentence_and_exit_code_2(tmp_path):
  (tmp_path / "passages.yaml").write_text(TASK.format(file=tmp_path / "never_read"))
  done = command(
    "--model_args", "workdri=x", "--tasks", "passages", "--include_path", str(tmp_path),
    home=tmp_path / "home",
  )  # fmt: skip
  assert done.returncode == 2
  assert done.stderr.splitlines()[-1] == (
    "codegen_jax: codegen_jax has no model argument 'workdri'; did you mean workdir?"
  )
  assert "Traceback" not in done.stderr
