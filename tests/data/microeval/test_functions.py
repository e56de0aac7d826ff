"""Functions do what their tests expect, and nothing else does; what is said does not tell how."""

from collections import Counter
import functools

import pytest

from codegen_jax.data.microeval import bodies, compositions, docstrings, primitives, reference
from codegen_jax.data.microeval.draws import Draws
from codegen_jax.data.microeval.functions import Function, distinct, function, of
from codegen_jax.data.microeval.primitives import BY_NAME, Step
from codegen_jax.sandbox.pool import Program, run_programs

SPLITS = ("train", "validation")
# With a number, and a length, on each side of the smallest constant and one that is it.
LISTS = {"numbers": [-7, 12, 2, 3, -3, 4, 1, 9, 0], "words": ["tea", "on", "ant", "note"]}


@functools.cache
def some(split: str) -> list[Function]:
  return [function(split, index) for index in range(300)]


def program(prompt: str, solution: str, asserts: str) -> Program:
  return Program(f"{prompt}{solution}\n{asserts}\n")


@pytest.mark.slow
@pytest.mark.parametrize("split", SPLITS)
def test_every_solution_passes_its_tests(split):
  made = some(split)
  verdicts = run_programs([program(one.prompt, one.solution, one.asserts) for one in made])
  failed = [one.text for one, verdict in zip(made, verdicts, strict=True) if not verdict.passed]
  assert not failed, failed[0]


@pytest.mark.slow
@pytest.mark.parametrize("form", bodies.FORMS)
@pytest.mark.parametrize("takes", primitives.LISTS)
def test_every_primitive_passes_in_every_form_of_body(form, takes):
  programs = []
  for primitive in primitives.ALL:
    if takes in primitive.takes:
      k = primitive.constants[0] if primitive.constants else None
      # In front of it a step that leaves the list as it is, so that code meets a new list too.
      steps = (Step(BY_NAME["skip"], 0), Step(primitive, k))
      body = bodies.render(form, steps, arg="xs", element="x")
      for given in ([], LISTS[takes]):
        wanted = reference.run(steps, given)
        programs.append(program("def f(xs):", f"\n{body}", f"assert f({given}) == {wanted!r}"))
  for one, verdict in zip(programs, run_programs(programs), strict=True):
    assert verdict.passed, one.source


@pytest.mark.slow
def test_the_body_of_another_function_fails():
  made = [one for one in some("validation") if one.name.endswith("_values")]
  wrong = [(one, other) for one in made[:20] for other in made if one.steps != other.steps]
  assert len(wrong) > 500
  verdicts = run_programs([program(a.prompt, b.solution, a.asserts) for a, b in wrong])
  passed = [pair for pair, verdict in zip(wrong, verdicts, strict=True) if verdict.passed]
  # Other steps may do the same: the even ones, sorted, are the sorted ones that are even.
  for one, other in passed:
    inputs = [given for given, _ in other.tests]
    assert all(
      reference.run(one.steps, given) == reference.run(other.steps, given) for given in inputs
    ), one.prompt + other.solution
  assert len(passed) < len(wrong) / 100


def test_a_prompt_does_not_hold_its_answer_or_any_test():
  for one in [*some("train"), *some("validation")]:
    for line in one.solution.split("\n"):
      if line.strip():
        assert line.strip() not in one.prompt
    for given, _ in one.tests:
      assert f"({given!r})" not in one.prompt
    assert one.prompt.endswith('"""') and one.solution.startswith("\n    ")


@pytest.mark.parametrize("split", SPLITS)
def test_every_form_is_used_and_so_is_every_way_of_saying_a_step(split):
  made = [function(split, index) for index in range(800)]
  assert {one.docstring for one in made} == {*docstrings.FORMS}
  assert {one.body for one in made} == {*bodies.FORMS}
  assert 0.15 < sum(">>>" in one.prompt for one in made) / len(made) < 0.35
  said = "\n".join(one.prompt for one in made).lower()
  for primitive in primitives.ALL:
    for way in (*primitive.says, primitive.noun.split("{of}")[0]):
      assert any(way.format(k=k).lower() in said for k in primitive.constants or (None,)), way


def test_an_index_is_always_the_same_function():
  assert function("train", 5) == function("train", 5)
  assert function("train", 5) != function("validation", 5)
  assert function("train", 5, verbs=("solve",)).name.startswith("solve_")
  lengths = Counter(len(one.steps) for one in some("train"))
  assert lengths == {2: 150, 3: 150}


def test_a_composition_that_says_nothing_makes_no_function():
  square, absolute = BY_NAME["square"], BY_NAME["absolute"]
  assert of("numbers", (square, absolute), Draws("a")) is None  # a square has no sign
  assert of("numbers", (absolute, BY_NAME["plus"]), Draws("a")) is not None


def test_no_two_of_the_distinct_are_alike():
  made = distinct("validation", 60)
  names = [tuple(step.primitive.name for step in one.steps) for one in made]
  assert len({*names}) == len(names) == 60
  assert Counter(map(len, names)) == dict.fromkeys(compositions.LENGTHS, 30)
