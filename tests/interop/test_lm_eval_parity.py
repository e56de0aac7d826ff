"""Numbers of `suite.run` are those that lm-eval finds with its own prompts and metrics."""

import copy
import itertools
import json
import pathlib
import shutil

import pytest

pytest.importorskip("lm_eval", reason="lm-eval is not installed; make peers installs it")
import datasets
import lm_eval
from lm_eval.api import metrics
from lm_eval.api.task import ConfigurableTask
from lm_eval.loggers import EvaluationTracker
from lm_eval.tasks import TaskManager
from lm_eval.utils import make_table
import numpy as np
import yaml

from codegen_jax.evaluation import data_files, ranking, suite
from codegen_jax.evaluation.generation import GenerationConfig
from codegen_jax.inference.language_model import LanguageModel
from codegen_jax.inference.requests import Request
from codegen_jax.inference.settings import SamplingConfig
from codegen_jax.interop.lm_eval import CodegenJax
from tests import tiny_language_model as tiny
from tests.evaluation.benchmark_files import FILES, needs

pytestmark = pytest.mark.slow
LIMIT = 40
VOCABULARY = tiny.make_vocabulary()


def lambada(folder: pathlib.Path) -> list[dict]:
  return lines(folder / "lambada/lambada_test.jsonl")


def piqa(folder: pathlib.Path) -> list[dict]:
  labels = (folder / "piqa/valid-labels.lst").read_text().split()
  rows = zip(lines(folder / "piqa/valid.jsonl"), labels, strict=False)
  return [row | {"label": int(label)} for row, label in rows]


def boolq(folder: pathlib.Path) -> list[dict]:
  rows = lines(folder / "superglue/BoolQ/val.jsonl")
  return [row | {"label": int(row["label"] in (True, "true"))} for row in rows]


def lines(file: pathlib.Path) -> list[dict]:
  with file.open() as read:
    return [json.loads(line) for line in itertools.islice(read, LIMIT)]


TASKS = {
  "lambada_openai": ("lambada/lambada_openai.yaml", lambada),
  "piqa": ("piqa/piqa.yaml", piqa),
  "boolq": ("super_glue/boolq/default.yaml", boolq),
}


@pytest.fixture(scope="module", params=["causal", "prefix"])
def model(request) -> LanguageModel:
  return tiny.make_model(request.param, space=6.0, doubt=8.0)


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory) -> pathlib.Path:
  """The published files, but that every second passage of LAMBADA ends as the model would end it.

  No network this small is ever right about a real one.
  """
  published, made = needs(*TASKS), tmp_path_factory.mktemp("files")
  for file in (file for name in TASKS for file in FILES[name]):
    (made / file.path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(published / file.path, made / file.path)
  rows = lambada(published)
  contexts = [row["text"].rpartition(" ")[0] for row in rows]
  asked = [Request("t", str(i), 0, tuple(VOCABULARY.encode(c))) for i, c in enumerate(contexts)]
  greedy = SamplingConfig(temperature=0.0, max_new_tokens=1)
  for one in model.generate(asked[::2], greedy):
    number, word = int(one.request.problem), one.text
    if word.startswith(" ") and word.count(" ") == 1 and word.strip():
      rows[number] = {"text": contexts[number] + word}
  text = "".join(json.dumps(row) + "\n" for row in rows)
  (made / "lambada/lambada_test.jsonl").write_text(text)
  return made


@pytest.fixture(scope="module")
def theirs(model, folder) -> dict:
  """lm-eval's results, its tasks reading from files what would come from the hub."""
  tasks = []
  for file, read in TASKS.values():
    config = yaml.safe_load((pathlib.Path(lm_eval.__file__).parent / "tasks" / file).read_text())
    rows = datasets.Dataset.from_list(read(folder))
    data = dict.fromkeys(("train", "validation", "test"), rows)  # no example is shown, so it may
    tasks.append(ConfigurableTask(config=config | {"custom_dataset": lambda data=data, **_: data}))
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv("DISABLE_MULTIPROC", "1")  # its bootstrap forks, which JAX's threads do not bear
    return lm_eval.simple_evaluate(
      CodegenJax(model, VOCABULARY),
      tasks=tasks,
      task_manager=TaskManager(include_defaults=False),
      bootstrap_iters=1000,
    )


def ours(name: str, model: LanguageModel, folder: pathlib.Path, workdir: pathlib.Path) -> dict:
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv(data_files.VARIABLE, str(folder))
    (result,) = suite.run(
      [name], workdir, model=model, vocabulary=VOCABULARY,
      config=GenerationConfig(batch_size=8), scored_by={"model": {}}, limit=LIMIT,
    )  # fmt: skip
  return result


@pytest.mark.parametrize("name", TASKS)
def test_numbers_are_those_of_lm_eval(name, model, folder, theirs, tmp_path):
  result = ours(name, model, folder, tmp_path)
  got, wanted = result["results"][name], theirs["results"][name]
  assert got.keys() == wanted.keys()
  assert got["sample_len"] == wanted["sample_len"] == LIMIT
  assert 0.1 < got["acc,none"] < 0.9
  for metric in ("acc", "acc_norm"):
    if f"{metric},none" in wanted:
      assert got[f"{metric},none"] == wanted[f"{metric},none"]
      error = got[f"{metric}_stderr,none"]
      assert error == pytest.approx(wanted[f"{metric}_stderr,none"], rel=1e-9)
  if "perplexity,none" in wanted:
    assert got["perplexity,none"] == pytest.approx(wanted["perplexity,none"], rel=1e-6)
  for field in ("higher_is_better", "n-shot"):
    assert result[field][name] == theirs[field][name]
  assert result["n-samples"][name]["effective"] == theirs["n-samples"][name]["effective"]


def test_errors_of_a_perplexity_are_those_of_many_draws(monkeypatch):
  monkeypatch.setenv("DISABLE_MULTIPROC", "1")
  nats = np.random.default_rng(0).gamma(4.0, 0.5, 400)
  ours = ranking.estimate("perplexity", nats.tolist())
  likelihoods = (-nats).tolist()
  assert ours.value == pytest.approx(metrics.perplexity(likelihoods), rel=1e-12)
  # Theirs is of draws, ours to first order.
  theirs = metrics.stderr_for_metric(metrics.perplexity, 2000)(likelihoods)
  assert ours.stderr == pytest.approx(theirs, rel=0.05)


def test_results_have_the_fields_of_lm_eval(model, folder, theirs, tmp_path):
  result = ours("piqa", model, folder, tmp_path / "ours")
  tracker = EvaluationTracker(output_path=str(tmp_path / "theirs"))
  tracker.general_config_tracker.log_experiment_args("codegen_jax", "", None, None, False)
  tracker.save_results_aggregated(
    copy.deepcopy({k: v for k, v in theirs.items() if k != "samples"})
  )
  (written,) = (tmp_path / "theirs").rglob("*.json")
  wanted = json.loads(written.read_text())
  assert wanted.keys() <= result.keys()
  assert wanted["config"].keys() <= result["config"].keys()
  for field, value in wanted.items():
    if value is not None and result[field] is not None:
      assert type(result[field]) is type(value), field
    if isinstance(value, dict) and "piqa" in value and field != "versions":
      assert type(result[field]["piqa"]) is type(value["piqa"]), field
  assert result["n-samples"]["piqa"] == {"original": 1838, "effective": LIMIT}
  assert "acc_norm" in make_table(result)
  json.dumps(result, allow_nan=False)
