"""Turns are asked in order, each after the model's own answers, and are made once."""

import dataclasses
import json

import pytest

from codegen_jax.evaluation import dialogue, generation
from codegen_jax.evaluation.generation import GenerationConfig
from tests import tiny_language_model as tiny
from tests.evaluation.scripted import VOCABULARY, Counting, Killed, Scripted, lines

BENCHMARK = Counting()
PROBLEMS = BENCHMARK.problems()
CONFIG = GenerationConfig(samples=2, temperatures=(0.8,), k=(1,))
TURNS = [(p.id, n, t) for t in range(3) for p in PROBLEMS for n in (0, 1) if t < p.facts["lines"]]


def says(request) -> str:
  """What is right, but for sample 1 of the problem of three lines, whose last line is longer."""
  turn = int(request.problem.rpartition("/")[2])
  wrong = request.problem == "count/3/2" and request.sample == 1
  return f" {turn + 1}" + " + 1 + ..." * wrong


def complete(folder, model, config=CONFIG, problems=PROBLEMS) -> list[dict]:
  dialogue.complete(BENCHMARK, problems, model, VOCABULARY, config, folder)
  return [json.loads(line) for line in lines(folder / generation.COMPLETIONS)]


def asked(model) -> list[tuple]:
  return [(*request.problem.rsplit("/", 1), request.sample) for request, _ in model.asked]


def in_order(turns) -> list[tuple]:
  return sorted((problem, str(turn), n) for problem, n, turn in turns)


def test_a_turn_is_asked_after_the_answers_before_it(tmp_path):
  model = Scripted(says)
  complete(tmp_path, model)
  assert sorted(asked(model)) == in_order(TURNS)
  numbers = [int(turn) for _, turn, _ in asked(model)]
  assert numbers == sorted(numbers)
  wanted = {"0": "a =", "1": "a = 1\nb =", "2": "a = 1\nb = 2\nc ="}
  for prompt, (_, turn, _) in zip(model.prompts, asked(model), strict=True):
    assert prompt == wanted[turn]
  for request, config in model.asked:
    assert config.max_new_tokens == (4 if request.problem.startswith("count/2") else 5)
    assert config.stop_strings == BENCHMARK.stop_strings
    assert config.temperature == 0.8


def test_a_history_is_one_completion_and_is_judged_as_such(tmp_path):
  rows = complete(tmp_path, Scripted(says))
  assert [generation.key(row) for row in rows] == [(0.8, p.id, n) for p in PROBLEMS for n in (0, 1)]
  assert rows[2] == {
    "task_id": "count/3", "sample": 0, "temperature": 0.8, "completion": "a = 1\nb = 2\nc = 3\n",
    "ended": "turns", "tokens": 6, "log_prob": -3.0,
  }  # fmt: skip
  assert rows[3]["ended"] == "length"
  outcome = generation.judge(BENCHMARK, PROBLEMS, CONFIG, tmp_path)
  assert outcome.metrics["pass@1,t=0.8"].value == (1 + 0.5) / 2
  assert outcome.told["unfinished"] == 1 / 4


@pytest.mark.parametrize("lives", [1, 4, 7, 9])
def test_a_run_that_was_killed_within_a_dialogue_goes_on(lives, tmp_path):
  whole = complete(tmp_path / "whole", Scripted(says))
  killed, later = Scripted(says, lives=lives), Scripted(says)
  with pytest.raises(Killed):
    complete(tmp_path / "parts", killed)
  with (tmp_path / "parts" / dialogue.TURNS).open("a") as file:
    file.write('{"task_id": "count/3", "sam')
  assert complete(tmp_path / "parts", later) == whole
  assert sorted(asked(killed) + asked(later)) == in_order(TURNS)


def test_a_turn_whose_line_was_deleted_is_asked_as_before(tmp_path):
  first = Scripted(says)
  whole = complete(tmp_path, first)
  rows = lines(tmp_path / dialogue.TURNS)
  kept = [row for row in rows if dialogue.turn_key(json.loads(row)) != (0.8, "count/3", 1, 0)]
  assert len(kept) == len(rows) - 1
  (tmp_path / dialogue.TURNS).write_text("".join(f"{row}\n" for row in kept))
  (tmp_path / generation.COMPLETIONS).unlink()
  later = Scripted(says)
  assert complete(tmp_path, later) == whole
  assert asked(later) == [("count/3", "0", 1)] and later.prompts == ["a ="]


def test_more_samples_and_temperatures_keep_those_that_are_there(tmp_path):
  before = complete(tmp_path, Scripted(says))
  model = Scripted(says)
  more = dataclasses.replace(CONFIG, samples=3, temperatures=(0.8, 0.2))
  after = complete(tmp_path, model, more)
  assert after[: len(before)] == before
  assert len(after) == 2 * 2 * 3
  assert {(config.temperature, r.sample) for r, config in model.asked} == {
    (0.8, 2), (0.2, 0), (0.2, 1), (0.2, 2)
  }  # fmt: skip
  complete(tmp_path, Scripted(says, lives=0), more)


@pytest.mark.slow
def test_a_dialogue_of_a_network_depends_on_nothing_beside_it(tmp_path):
  model, problems = tiny.make_model(space=6.0), PROBLEMS[:1]
  config = dataclasses.replace(CONFIG, batch_size=2)
  whole = complete(tmp_path / "whole", model, config, problems)
  complete(tmp_path / "parts", model, dataclasses.replace(config, samples=1), problems)
  parts = complete(tmp_path / "parts", model, config, problems)
  assert [(*generation.key(row), row["completion"]) for row in parts] == [
    (*generation.key(row), row["completion"]) for row in whole
  ]
  assert len({row["completion"] for row in whole}) == 2
