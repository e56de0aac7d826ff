"""MTPB's prompts, its published checker case by case, and which cases nobody can pass."""

import json
import pathlib

import numpy as np
import pytest

from codegen_jax.evaluation import data_files, mtpb, mtpb_check
from codegen_jax.evaluation.mtpb import Mtpb
from codegen_jax.sandbox.pool import Sandbox

SHARED = pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "data"
MULTI = Mtpb()
needs_data = pytest.mark.skipif(
  not (SHARED / mtpb.FILE.path).exists(), reason=f"{mtpb.FILE.path} is not here"
)


@pytest.mark.parametrize(
  ("got", "expected", "equal"),
  [
    (3, 3, True),
    (3.9, 3, True),  # cast to int
    ("3", 3, True),
    (3, 3.0000001, True),
    (3, 3.00001, False),
    ("abc", ["a", "b", "c"], True),
    ([(1, 2)], [[1, 2]], True),
    ([[1, 2], (3, 4)], [[1, 2], [3, 4]], False),  # only if the first is a tuple
    ((1, 2), [1, 2], True),
    ({1, 2}, [1, 2], True),
    ([0.1 + 0.2], [0.3], False),  # no tolerance within lists
    (0.1 + 0.2, 0.3, True),
    ("True", True, True),
    (1, True, False),  # "1" and "True"
    (np.int64(4), 4, True),
    (np.int8(4), 4, True),  # unknown to the checker, and cast
    (np.float32(0.5), 0.5, True),
    (np.bool_(True), True, True),
    (np.array([1, 2]), [1, 2], True),
    (np.array([1, 2]), [1, 3], False),
    (None, "None", True),
    ([], "", False),
  ],
)
def test_the_checker_casts_as_published(got, expected, equal):
  assert mtpb_check.equivalent(got, expected) is equal


@pytest.mark.parametrize(("got", "expected"), [({"a": 1}, {"a": 1}), (None, None), ("x", 3)])
def test_some_values_equal_nothing(got, expected):
  with pytest.raises((ValueError, TypeError)):
    mtpb_check.equivalent(got, expected)
  assert not mtpb_check.passes(f"print({got!r})", expected, {})


@pytest.mark.parametrize(
  ("source", "printed"),
  [
    ("def f(a):\n  return a ** 2\nf(2)", "def f(a):\n    return a ** 2\nprint(f(2))"),
    ("print(1)", "print(1)"),
    ("x = 1", "x = print(1)"),
    ("print_all(1)", "print_all(1)"),
    ("x = printed(1)", "x = printed(1)"),
    ("for i in y:\n  i", "for i in y:\n  i"),
    ("x = ", "x = "),
    ("", ""),
  ],
)
def test_a_last_value_is_printed(source, printed):
  assert mtpb_check.with_print(source) == printed


@pytest.mark.parametrize(
  ("source", "passes"),
  [
    ("x = 2\nprint(x + 1)", True),
    ("x = 2\nx + 1", True),
    ("print(3)\nprint(4)", False),  # the last counts
    ("print(3)\n1 / 0", True),  # and what was printed before an error does
    ("print()\nprint()", False),
    ("y = 3", True),
    ("print(4 - 1, 'and more')", True),
    ("pass", False),
    ("print(3", False),
  ],
)
def test_a_program_passes_by_what_it_printed_last(source, passes):
  assert mtpb_check.passes(source, 3, {}) is passes
  problem = mtpb.Problem("1/0", mtpb.BEGINS, {"expected": 3})
  with Sandbox(workers=1) as sandbox:
    (verdict,) = sandbox.run([Mtpb().program(problem, source)])
  assert verdict.passed is passes, verdict
  assert verdict.outcome in ("passed", "failed")


def problems(monkeypatch, benchmark=MULTI):
  monkeypatch.setenv(data_files.VARIABLE, str(SHARED))
  return benchmark.problems()


@needs_data
def test_every_case_is_there_and_asked_with_its_input(monkeypatch):
  cases = problems(monkeypatch)
  assert len(cases) == 575
  assert {case.id.split("/")[0] for case in cases} == {str(n) for n in range(1, 116)}
  assert sum(len(Mtpb().turns(case)) for case in cases) == 2570
  first = cases[0]
  turns = Mtpb().turns(first)
  assert turns[0] == '# Assign the string "abcde" to a variable named "my_string".\n'
  history = Mtpb().history(first, ['my_string = "abcde"\n\n\n\nmore', "x"])
  assert history == (mtpb.BEGINS + turns[0] + 'my_string = "abcde"\n\n' + turns[1] + "x\n\n")
  assert data_files.digest(SHARED / mtpb.FILE.path) == mtpb.FILE.sha256


@needs_data
def test_seven_cases_pass_for_nobody(monkeypatch):
  never = set()
  for case in problems(monkeypatch):
    expected = case.facts["expected"]
    if not mtpb_check.passes(f"print({expected!r})", expected, {}):
      never.add(case.id)
  assert never == mtpb.NEVER and len(never) == 7


@needs_data
def test_a_single_turn_asks_everything_at_once(monkeypatch):
  single = Mtpb(at_once=True)
  whole, steps = problems(monkeypatch, single)[0], problems(monkeypatch)[0]
  assert single.turns(whole) == ["".join(Mtpb().turns(steps))]
  assert whole.facts["longest"] == 5 * steps.facts["longest"]


def test_a_file_that_lacks_an_input_is_a_sentence(tmp_path, monkeypatch):
  path = tmp_path / mtpb.FILE.path
  path.parent.mkdir()
  row = {"id": "1", "prompts": ["Add {x}."], "inputs": [{"y": 1}], "outputs": [1], "category": "a"}
  path.write_text(json.dumps(row))
  monkeypatch.setenv(data_files.VARIABLE, str(tmp_path))
  with pytest.raises(mtpb.InputError, match=r"problem 1 of .* get it anew"):
    Mtpb().problems()
