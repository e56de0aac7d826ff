"""MicroEval's holes: the line that was taken out fills them, and an empty line does not."""

import pytest

from codegen_jax.errors import InputError
from codegen_jax.evaluation.humaneval_infilling import HumanEvalInfilling
from codegen_jax.evaluation.microeval import MicroEval
from codegen_jax.evaluation.microeval_infilling import MicroEvalInfilling
from codegen_jax.inference.settings import SamplingConfig
from codegen_jax.sandbox.pool import Sandbox
from tests.evaluation.scripted import VOCABULARY

BENCHMARK = MicroEvalInfilling()
PROBLEMS = BENCHMARK.problems()


def test_the_line_that_was_taken_out_passes_and_its_hole_does_not():
  with Sandbox(workers=1, limits=BENCHMARK.limits) as sandbox:
    right = sandbox.run([BENCHMARK.program(one, one.facts["solution"]) for one in PROBLEMS])
    wrong = sandbox.run([BENCHMARK.program(one, "") for one in PROBLEMS])
  assert all(verdict.passed for verdict in right)
  assert not any(verdict.passed for verdict in wrong)


def test_a_hole_is_one_line_of_a_function_that_microeval_asks_for():
  whole = {one.prompt + one.facts["solution"] + "\n" for one in MicroEval().problems()}
  assert len(PROBLEMS) > 100
  for one in PROBLEMS:
    assert one.facts["solution"].count("\n") == 1 and one.facts["solution"].strip()
    assert one.prompt + one.facts["solution"] + one.facts["suffix"] in whole
  assert sum(not one.facts["suffix"] for one in PROBLEMS) < len(PROBLEMS) / 2


def test_left_to_right_one_line_is_taken_and_what_follows_is_not_read():
  benchmark = MicroEvalInfilling("left_to_right")
  problem = next(one for one in PROBLEMS if one.facts["suffix"])
  prompt = VOCABULARY.decode(list(benchmark.request(problem, 0, VOCABULARY).prompt))
  assert prompt == problem.prompt.removesuffix("\n")
  written = "\n" + problem.facts["solution"] + "    return 7\n"
  assert benchmark.cut(problem, written) == problem.facts["solution"]
  assert BENCHMARK.cut(problem, written) == written
  config = benchmark.ending(SamplingConfig(max_new_tokens=256), VOCABULARY)
  assert config.max_new_tokens == 64 and len(config.stop_tokens) == 1


def test_holes_of_several_lines_are_not_asked_for_left_to_right():
  HumanEvalInfilling("single_line", "left_to_right")
  with pytest.raises(InputError, match="holes of several lines, and left to right one line"):
    HumanEvalInfilling("multi_line", "left_to_right")
