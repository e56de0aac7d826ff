"""MicroEval: problems that are held out, completions that are cut, programs that tell."""

import pytest

from codegen_jax.data.microeval import compositions
from codegen_jax.data.microeval.primitives import BY_NAME
from codegen_jax.evaluation import suite
from codegen_jax.evaluation.benchmark import Generation
from codegen_jax.evaluation.microeval import MicroEval, held_out
from codegen_jax.inference.settings import SamplingConfig
from codegen_jax.sandbox.pool import run_programs
from tasks import local

MICRO = MicroEval()


def test_it_is_a_benchmark_of_the_suite():
  assert isinstance(MICRO, Generation)
  assert suite.JUDGED["microeval"]("codegen2") == MICRO
  suite.check(["microeval"])


def test_its_problems_are_held_out_and_use_every_primitive():
  assert len(held_out()) == 200
  for one in held_out():
    assert compositions.is_held_out(tuple(step.primitive for step in one.steps))
  assert {step.primitive.name for one in held_out() for step in one.steps} == {*BY_NAME}
  assert [problem.facts["steps"] for problem in MICRO.problems()].count(2) == 100


def test_its_problems_are_those_of_every_machine():
  # Raise `version` with it: a model gets other numbers.
  assert MICRO.version == 1
  assert MICRO.data_sha256()["microeval"][:16] == "5d881f328b2afc31"


@pytest.mark.slow
def test_solutions_pass_and_those_of_the_next_problem_do_not():
  problems = MICRO.problems()
  solutions = [problem.facts["solution"] for problem in problems]
  right = [MICRO.program(p, s) for p, s in zip(problems, solutions, strict=True)]
  assert all(verdict.passed for verdict in run_programs(right))
  others = [*solutions[1:], solutions[0]]
  wrong = [MICRO.program(p, s) for p, s in zip(problems, others, strict=True)]
  wrong += [MICRO.program(problem, "\n    return None") for problem in problems]
  assert not any(verdict.passed for verdict in run_programs(wrong))


@pytest.mark.parametrize(
  ("completion", "answer"),
  [
    ("\n    return 1\n\n\ndef g():\n    return 2\n", "\n    return 1"),
    ("\n    return 1\ndef g():\n    return 2\n", "\n    return 1"),
    ("\n    return 1\n# said\n", "\n    return 1"),
    ("\n    xs = []\n\n    return xs", "\n    xs = []\n\n    return xs"),
  ],
)
def test_an_answer_ends_where_its_function_does(completion, answer):
  assert MICRO.cut(MICRO.problems()[0], completion) == answer


def test_a_completion_stops_where_it_is_cut():
  config = MICRO.ending(SamplingConfig(temperature=0.2), local.VOCABULARY)
  assert config.stop_strings == MICRO.stop_strings and config.temperature == 0.2


def test_the_perplexity_of_a_prompt_is_that_of_all_its_tokens():
  problem, vocabulary = MICRO.problems()[0], local.VOCABULARY
  ((before, asked),) = MICRO.asked(problem, vocabulary, [])
  assert before == (vocabulary.eos_id,) and vocabulary.decode(asked) == problem.prompt


@pytest.mark.slow
def test_the_tokens_of_a_prompt_are_those_that_training_had():
  # Were the line break a part of the prompt, the tokenizer would split it off the spaces behind.
  encode = local.VOCABULARY.encode
  for problem in MICRO.problems()[::10]:
    request = MICRO.request(problem, 0, local.VOCABULARY)
    whole = encode(problem.prompt + problem.facts["solution"])
    assert tuple(whole[: len(request.prompt)]) == request.prompt
    assert len(whole) < 256
