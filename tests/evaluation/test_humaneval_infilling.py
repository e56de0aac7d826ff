"""HumanEval-Infilling: right middles pass, holes do not, and prompts are laid out as asked."""

import numpy as np
import pytest

from codegen_jax.evaluation import data_files
from codegen_jax.evaluation.benchmark import Problem
from codegen_jax.evaluation.humaneval_infilling import FILES, HumanEvalInfilling
from codegen_jax.inference.settings import SamplingConfig
from codegen_jax.sandbox.pool import Sandbox
from tests.evaluation.benchmark_files import needs
from tests.evaluation.scripted import VOCABULARY

SIZES = {"single_line": 1033, "multi_line": 5815, "random_span": 1640, "random_span_light": 164}
HOLE = Problem(
  "x/0", "def f(x):\n", {"suffix": "  return y\n", "test": "def check(f):\n  assert f(2) == 3",
                         "entry_point": "f"},
)  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_right_middles_pass_and_holes_do_not(kind, monkeypatch):
  benchmark = HumanEvalInfilling(kind)
  monkeypatch.setenv(data_files.VARIABLE, str(needs(benchmark.name)))
  problems = benchmark.problems()
  assert len(problems) == SIZES[kind]
  assert len({problem.id for problem in problems}) == SIZES[kind]
  chosen = [problems[i] for i in np.random.default_rng(0).choice(len(problems), 12, replace=False)]
  rights = [problem.facts["canonical_solution"] for problem in chosen]
  assert [benchmark.cut(p, right) for p, right in zip(chosen, rights, strict=True)] == rights
  with Sandbox(workers=1, limits=benchmark.limits) as sandbox:
    verdicts = sandbox.run([
      benchmark.program(problem, middle)
      for right in (True, False)
      for problem, solution in zip(chosen, rights, strict=True)
      for middle in [solution if right else "\x00"]
    ])  # fmt: skip
  assert [verdict.passed for verdict in verdicts] == [True] * 12 + [False] * 12


def test_a_middle_goes_between_its_ends_as_it_is():
  benchmark = HumanEvalInfilling("single_line")
  with Sandbox(workers=1) as sandbox:
    verdicts = sandbox.run(
      [benchmark.program(HOLE, middle) for middle in ("  y = x + 1\n", "  y = x\n", "  y = x + 1")]
    )
  assert [verdict.passed for verdict in verdicts] == [True, False, False]


@pytest.mark.parametrize(
  ("layout", "end"), [("codegen2", "<eom>"), ("psm", "<|endoftext|>"), ("spm", "<|endoftext|>")]
)
def test_a_prompt_is_laid_out_as_the_model_met_holes(layout, end):
  benchmark = HumanEvalInfilling("multi_line", layout)
  request = benchmark.request(HOLE, 1, VOCABULARY)
  assert (request.task, request.problem, request.sample) == (benchmark.name, "x/0", 1)
  text = VOCABULARY.decode(list(request.prompt))
  assert "def f(x):" in text and "return y" in text
  # The middle ends there and at no string.
  config = benchmark.ending(SamplingConfig(temperature=0.5), VOCABULARY)
  assert config == SamplingConfig(temperature=0.5, stop_tokens=(VOCABULARY.special_id(end),))
  assert benchmark.asked(HOLE, VOCABULARY, ()) == []


def test_layouts_differ_and_another_name_is_refused():
  prompts = {
    HumanEvalInfilling("multi_line", layout).request(HOLE, 0, VOCABULARY).prompt
    for layout in ("codegen2", "psm", "spm")
  }
  assert len(prompts) == 3
  with pytest.raises(ValueError, match="pmf"):
    HumanEvalInfilling("multi_line", "pmf").request(HOLE, 0, VOCABULARY)
