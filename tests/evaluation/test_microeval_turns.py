"""MicroEval asked in turns and at once: the same problems, whose own answers pass."""

import pytest

from codegen_jax.evaluation import suite
from codegen_jax.evaluation.benchmark import Dialogue
from codegen_jax.evaluation.microeval_turns import MicroEvalTurns
from codegen_jax.sandbox.pool import Sandbox
from tests.evaluation.scripted import END, VOCABULARY

TURNS, AT_ONCE = MicroEvalTurns(), MicroEvalTurns(at_once=True)


@pytest.mark.parametrize("benchmark", [TURNS, AT_ONCE], ids=lambda one: one.name)
def test_right_answers_pass_and_one_line_less_does_not(benchmark):
  assert isinstance(benchmark, Dialogue) and benchmark.name in suite.JUDGED
  problems = benchmark.problems()[:40]
  right, wrong = [], []
  for one in problems:
    answers = one.facts["answers"]
    turns = ["\n".join(answers)] if benchmark.at_once else list(answers)
    right.append(benchmark.program(one, benchmark.history(one, turns)))
    # The last step is left out, and what was there before it is printed.
    fewer = (*answers[:-2], answers[-1])
    wrong.append(benchmark.program(one, benchmark.history(one, ["\n".join(fewer)])))
  with Sandbox(workers=1, limits=benchmark.limits) as sandbox:
    assert all(verdict.passed for verdict in sandbox.run(right))
    assert sum(verdict.passed for verdict in sandbox.run(wrong)) < len(problems) / 4


def test_both_ask_for_the_same_programs():
  both = TURNS.problems(), AT_ONCE.problems()
  assert len(both[0]) == 200
  for one, other in zip(*both, strict=True):
    assert one.id == other.id and one.facts["printed"] == other.facts["printed"]
    assert "".join(TURNS.turns(one)) == AT_ONCE.turns(other)[0]
  assert TURNS.data_sha256().keys() != AT_ONCE.data_sha256().keys()


def test_a_turn_follows_one_empty_line_as_in_training():
  problem = TURNS.problems()[0]
  first, second, *_ = problem.facts["answers"]
  asked = TURNS.turns(problem)
  told = TURNS.history(problem, [first + "\n", second + "\n\n# And more.\nx = 3"])
  assert told == f"{asked[0]}{first}\n\n{asked[1]}{second}\n\n"


def test_every_comment_is_asked_about_once_and_the_first_after_the_end_of_a_text():
  problem = TURNS.problems()[0]
  pairs = TURNS.asked(problem, VOCABULARY, problem.facts["answers"])
  assert [VOCABULARY.decode([*asked]) for _, asked in pairs] == TURNS.turns(problem)
  assert pairs[0][0] == (END,)
  ((before, _),) = AT_ONCE.asked(problem, VOCABULARY, [])
  assert before == (END,)
  for turn, (before, _) in enumerate(pairs[1:], start=1):
    told = TURNS.history(problem, problem.facts["answers"][:turn])
    assert VOCABULARY.decode([*before]) == told


def test_what_is_printed_last_counts_and_a_text_is_no_number():
  problem = next(one for one in TURNS.problems() if isinstance(one.facts["printed"], int))
  value = problem.facts["printed"]
  told = [
    f"print({value})",
    f"print('{value}')",
    f"print({value})\nprint(0, 1)",
    "",
    f"x = {value}",
  ]
  with Sandbox(workers=1, limits=TURNS.limits) as sandbox:
    verdicts = sandbox.run([TURNS.program(problem, one) for one in told])
  assert [one.passed for one in verdicts] == [True, False, False, False, False]
