"""Questions about functions of the embedded code."""

import ast
from collections import Counter

import pytest

from codegen_jax.data import corpus
from codegen_jax.data.corpus import Document
from tasks import embedded, embedded_pairs

FILE = '''
def first(a, b):
  """Compares."""
  if a < b:
    return a
  return b

def second(a):
  """Adds
  more than one line.
  """
  b = a + 1
  c = b
  return c

def short(): return 1

def plain(a):
  b = a
  c = b
  return c
'''


@pytest.fixture(autouse=True)
def code(monkeypatch):
  documents = [Document(f"{n:02}.py", f"# {n}\n{FILE}") for n in range(60)]
  made = corpus.Corpus.build("code", [*documents, Document("x.py", "def (")], description="toy")
  monkeypatch.setattr(embedded, "code", lambda: made)
  return made


def test_docstrings_are_a_function_s_own_or_another_s_and_not_in_its_text():
  found = embedded_pairs._matches()
  pairs = found["train"] + found["validation"]
  assert len(pairs) == 2 * 60  # those of a docstring and of three lines at least
  for pair in pairs:
    (function,) = ast.parse(pair.text).body
    assert ast.get_docstring(function) is None
    said = pair.question.split("\n")[2]
    own = {"first": "Description: Compares.", "second": "Description: Adds"}[function.name]
    assert (said == own) or pair.answer == " no"
  answers = Counter(pair.answer for pair in pairs)
  assert min(answers[" yes"], answers[" no"]) > 40


def test_a_wrong_function_has_one_operator_that_says_the_opposite():
  found = embedded_pairs._operators()
  pairs = found["train"] + found["validation"]
  assert len(pairs) == 2 * 60  # those with an operator
  for pair in pairs:
    right = "a < b" in pair.text or "a + 1" in pair.text
    assert right == (pair.answer == " no")
    assert right or "a >= b" in pair.text or "a - 1" in pair.text


def test_functions_of_held_out_files_are_held_out(code):
  held_out = {document.path for document in code.split("validation")}
  for found in (embedded_pairs._matches(), embedded_pairs._operators()):
    assert {pair.path.split(":")[0] for pair in found["validation"]} <= held_out
    assert not {pair.path.split(":")[0] for pair in found["train"]} & held_out


@pytest.mark.parametrize("name", ["docstring_match", "wrong_operator"])
def test_other_code_is_another_fingerprint(name, monkeypatch):
  make = getattr(embedded_pairs, name).__wrapped__
  before = make()
  assert before.fingerprint == make().fingerprint
  other = corpus.Corpus.build(
    "code", [Document(f"{n}.py", f"{n}") for n in range(60)], description=""
  )
  monkeypatch.setattr(embedded, "code", lambda: other)
  assert make().fingerprint != before.fingerprint
