"""Completions that are compared with what people wrote."""

import json

import pytest

from codegen_jax.evaluation import comparison
from codegen_jax.evaluation.generation import GenerationConfig
from tests.evaluation.scripted import VOCABULARY, Killed, Repeating, Scripted, lines

CONFIG = GenerationConfig(samples=5, temperatures=(0.2, 0.8), k=(1,))
SAYS = {"ab": " ab", "cd": " cx", "ef": " x..."}


def run(folder, model):
  benchmark = Repeating()
  return comparison.run(benchmark, benchmark.problems(), model, VOCABULARY, CONFIG, folder)


def test_each_problem_has_one_greedy_completion_and_its_score_counts(tmp_path):
  model = Scripted(lambda request: SAYS[request.problem])
  metrics, told = run(tmp_path, model)
  assert model.prompts == ["ab:", "cd:", "ef:"]
  assert {(c.temperature, c.top_p, c.max_new_tokens) for _, c in model.asked} == {(0.0, 1.0, 3)}
  assert {name: one.value for name, one in metrics.items()} == {
    "right": pytest.approx(0.5), "whole": pytest.approx(1 / 3),
  }  # fmt: skip
  assert metrics["right"].stderr == pytest.approx((1 / 12) ** 0.5)
  assert told["n_shot"] == 2 and told["unfinished"] == pytest.approx(1 / 3)
  assert [json.loads(line) for line in lines(tmp_path / "samples.jsonl")] == [
    {"task_id": "ab", "completion": "ab", "right": 1.0, "whole": 1.0},
    {"task_id": "cd", "completion": "cx", "right": 0.5, "whole": 0.0},
    {"task_id": "ef", "completion": "x...", "right": 0.0, "whole": 0.0},
  ]


def test_what_was_written_is_not_asked_again(tmp_path):
  with pytest.raises(Killed):
    run(tmp_path, Scripted(lambda request: SAYS[request.problem], lives=2))
  model = Scripted(lambda request: SAYS[request.problem])
  metrics, _ = run(tmp_path, model)
  assert model.prompts == ["ef:"]
  again, _ = run(tmp_path, Scripted(lives=0))
  assert again == metrics
