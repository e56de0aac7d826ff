"""Benchmarks by their names: what is refused, what is kept apart, what is asked again."""

import dataclasses
import json

import pytest

from codegen_jax.errors import InputError
from codegen_jax.evaluation import data_files, dialogue, suite
from codegen_jax.evaluation.generation import GenerationConfig
from tests.evaluation.scripted import VOCABULARY, Counting, Doubling, Repeating, Scripted, Shorter

CONFIG = GenerationConfig(samples=2, temperatures=(0.2,), k=(1, 2))
NAMES = ("doubling", "counting", "repeating", "shorter")


@pytest.fixture(autouse=True)
def few(monkeypatch):
  monkeypatch.setitem(suite.JUDGED, "doubling", lambda layout: Doubling())
  monkeypatch.setitem(suite.JUDGED, "counting", lambda layout: Counting())
  monkeypatch.setitem(suite.COMPARISONS, "repeating", Repeating)
  monkeypatch.setitem(suite.RANKINGS, "shorter", lambda: Shorter(number=6))


def says(request) -> str:
  if request.task == "repeating":
    return f" {request.problem}"
  if request.task == "doubling":
    return f" {2 * int(request.problem[-1])}"
  return f" {int(request.problem.rpartition('/')[2]) + 1}"


def run(workdir, *names, model=None, config=CONFIG, limit=None, **scored_by):
  model = model or Scripted(says)
  return list(
    suite.run(
      names, workdir, model=model, vocabulary=VOCABULARY, config=config, scored_by=scored_by,
      limit=limit,
    )
  )  # fmt: skip


def folders(workdir, name) -> list:
  return sorted((workdir / "eval" / name).glob("*/*/results.json"))


@pytest.mark.parametrize(
  ("name", "said"),
  [
    ("humanevl", "there is no benchmark 'humanevl'; did you mean humaneval?"),
    ("lambada", "did you mean lambada_openai?"),
    ("BoolQ", "did you mean boolq?"),
    ("humaneval_infilling", "did you mean humaneval_infilling_"),
    ("qqqqqqqq", "there is no benchmark 'qqqqqqqq'; there is boolq, "),
  ],
)
def test_a_name_that_is_none_is_refused_with_the_nearest(name, said):
  with pytest.raises(InputError) as caught:
    suite.check(["piqa", name])
  assert said in str(caught.value)


def test_every_name_makes_a_benchmark_of_that_name():
  suite.check(suite.NAMES)
  for name in set(suite.JUDGED) - {"doubling", "counting"}:
    benchmark = suite.JUDGED[name]("psm")
    assert benchmark.name == name
    assert getattr(benchmark, "layout", "psm") == "psm"
  for benchmarks in (suite.RANKINGS, suite.COMPARISONS):
    assert all(make().name == name for name, make in benchmarks.items())


def test_benchmarks_of_every_kind_are_run_in_the_order_asked(tmp_path):
  results = run(tmp_path, *NAMES)
  assert [tuple(result["results"]) for result in results] == [(name,) for name in NAMES]
  for name, result in zip(NAMES, results, strict=True):
    (path,) = folders(tmp_path, name)
    said = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert said | {"folder": str(path.parent)} == result
    assert path.parts[-3] == "7"
  values = results[0]["results"]["doubling"]
  assert values["pass@1,t=0.2"] == values["pass@2,t=0.2"] == 1.0
  assert values["prompt_perplexity,pass t=0.2"] == pytest.approx(2.718281828)
  assert "prompt_perplexity,non-pass t=0.2" not in values
  assert results[1]["results"]["counting"]["pass@1,t=0.2"] == 1.0
  assert results[2]["results"]["repeating"]["whole,none"] == 1.0
  assert results[2]["n-shot"] == {"repeating": 2}
  assert results[3]["results"]["shorter"]["acc,none"] == pytest.approx(2 / 3)


def test_what_was_answered_is_not_asked_again(tmp_path):
  first = run(tmp_path, *NAMES)
  again = Scripted(says, lives=0)
  assert [r["results"] for r in run(tmp_path, *NAMES, model=again)] == [r["results"] for r in first]
  assert not again.asked and not again.scored


def test_a_limit_asks_the_first_problems_alone_and_the_rest_may_follow(tmp_path):
  model = Scripted(says)
  (result,) = run(tmp_path, "doubling", model=model, limit=2)
  assert result["n-samples"] == {"doubling": {"original": 3, "effective": 2}}
  assert result["config"]["limit"] == 2
  assert {request.problem for request, _ in model.asked} == {"double/1", "double/2"}
  (result,) = run(tmp_path, "doubling", model=model)
  assert result["n-samples"]["doubling"]["effective"] == 3
  assert len(model.asked) == 3 * 2
  with pytest.raises(InputError, match="--limit is 0; give 1 or more"):
    run(tmp_path, "doubling", limit=0)


@pytest.mark.parametrize(
  "change",
  [
    {"model": Scripted(says, step=8)},
    {"weights": "b"},
    {"attention": "prefix"},
    {"config": dataclasses.replace(CONFIG, seed=1)},
    {"config": dataclasses.replace(CONFIG, top_p=0.9)},
    {"config": dataclasses.replace(CONFIG, max_new_tokens=9)},
  ],
  ids=["step", "weights", "attention", "seed", "top_p", "max_new_tokens"],
)
def test_answers_of_other_weights_and_settings_are_never_taken(change, tmp_path):
  before = {"weights": "a", "attention": "causal"}
  run(tmp_path, "doubling", **before)
  model = change.setdefault("model", Scripted(says))
  asked = len(model.asked)
  run(tmp_path, "doubling", **before | change)
  assert len(model.asked) - asked == 3 * 2
  assert len(folders(tmp_path, "doubling")) == 2


def test_a_likelihood_does_not_depend_on_how_completions_are_drawn(tmp_path):
  run(tmp_path, "shorter")
  again = Scripted()
  run(tmp_path, "shorter", model=again, config=dataclasses.replace(CONFIG, seed=1))
  assert not again.scored


def test_a_file_that_is_missing_ends_a_run_before_anything_is_asked(tmp_path, monkeypatch):
  monkeypatch.setenv(data_files.VARIABLE, str(tmp_path))
  silent = Scripted(says, lives=0)
  with pytest.raises(InputError, match=r"there is no .*lambada_test\.jsonl"):
    run(tmp_path / "run", "doubling", "lambada_openai", model=silent)
  monkeypatch.setitem(suite.RANKINGS, "shorter", lambda: Shorter(number=0))
  with pytest.raises(InputError, match="the files of shorter hold no problem; get them anew"):
    run(tmp_path / "run", "shorter", model=silent)
  assert not (tmp_path / "run").exists()


def test_a_dialogue_that_was_killed_goes_on_within_the_suite(tmp_path):
  with pytest.raises(BaseException, match=r"^$"):
    run(tmp_path, "counting", model=Scripted(says, lives=5))
  later = Scripted(says)
  (result,) = run(tmp_path, "counting", model=later)
  assert len(later.asked) == 2 * (2 + 3) - 5
  assert result["results"]["counting"]["pass@1,t=0.2"] == 1.0
  assert [*tmp_path.rglob(dialogue.TURNS)]
