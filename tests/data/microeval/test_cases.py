"""A function's tests tell it from what is nearly it."""

import pytest

from codegen_jax.data.microeval import bodies, cases, reference
from codegen_jax.data.microeval.draws import Draws
from codegen_jax.data.microeval.functions import Function, distinct
from codegen_jax.data.microeval.primitives import BY_NAME, Step
from codegen_jax.sandbox.pool import Program, run_programs

EVEN, ABOVE, SORT, SUM = (BY_NAME[name] for name in ("even", "above", "sort", "sum"))


def says_otherwise(one: Function, steps: tuple[Step, ...], body: str) -> Program:
  arg = one.prompt.partition("(")[2].partition(")")[0]
  return Program(
    f"{one.prompt}\n{bodies.render(body, steps, arg=arg, element='x')}\n{one.asserts}\n"
  )


@pytest.mark.slow
def test_a_body_that_is_nearly_right_fails():
  programs = []
  for one in distinct("validation", 10):
    fresh = Draws("fresh")
    inputs = [cases.draw(one.takes, fresh) for _ in range(200)]
    wanted = [reference.run(one.steps, given) for given in inputs]
    for other in cases.near(one.takes, one.steps):
      try:
        differs = [reference.run(other, given) for given in inputs] != wanted
      except (TypeError, AttributeError):
        continue  # Python may still do it: the length of a word that is doubled
      if differs:
        programs.append(says_otherwise(one, other, "comprehensions"))
  assert len(programs) > 400
  assert not [p.source for p, v in zip(programs, run_programs(programs), strict=True) if v.passed]


def test_near_is_one_step_less_or_other_or_elsewhere():
  steps = (Step(ABOVE, 2), Step(SORT))
  near = [*cases.near("numbers", steps)]
  assert near[:3] == [(Step(SORT),), (Step(ABOVE, 2),), (Step(SORT), Step(ABOVE, 2))]
  assert (Step(ABOVE, 3), Step(SORT)) in near and (Step(EVEN), Step(SORT)) in near
  assert (Step(ABOVE, 2), Step(BY_NAME["reverse"])) in near
  assert steps not in near and len({*near}) == len(near)
  assert not any(Step(BY_NAME["upper"]) in other for other in near)  # of words


def test_a_case_is_added_for_what_the_others_leave_open():
  steps = (Step(ABOVE, 5), Step(SUM))
  begun = [[9, -3, 20], [7, 8], [30, 0]]
  told = cases.telling("numbers", steps, begun, "a")
  assert [given for given, _ in told[:4]] == [*begun, []]
  assert all(wanted == sum(value for value in given if value > 5) for given, wanted in told)
  assert any(6 in given for given, _ in told[4:])  # those above 6 have no 6


def test_each_step_has_to_matter():
  inputs = [[2, 4, 9], [4, 6, -1], [8, 3]]
  assert cases.every_step_matters((Step(EVEN), Step(SUM)), inputs)
  assert not cases.every_step_matters((Step(SORT), Step(SUM)), inputs)
  assert not cases.every_step_matters((Step(ABOVE, 9), Step(SUM)), inputs)  # always 0
