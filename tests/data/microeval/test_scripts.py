"""Scripts print what their steps mean, in both forms; what is asked for was not trained on."""

import contextlib
import io
import re

import pytest

from codegen_jax.data.microeval import functions, reference, scripts
from codegen_jax.data.microeval.scripts import ScriptCorpus

FEW = ScriptCorpus(train=24, validation=8)


def printed(text: str) -> str:
  with contextlib.redirect_stdout(io.StringIO()) as said:
    exec(text, {})
  return said.getvalue()


@pytest.mark.parametrize("index", range(60))
def test_both_forms_print_what_the_steps_mean(index):
  of = functions.function("train", index)
  made = scripts.script(of, str(index))
  assert printed(made.in_turns) == printed(made.at_once) == f"{made.printed}\n"
  assert made.printed in [reference.run(of.steps, given) for given in of.inputs]
  assert len(made.asked) == len(made.answers) == len(of.steps) + 2


def test_in_turns_a_line_follows_its_comment_and_at_once_all_comments():
  made = scripts.script(functions.function("train", 3), "x")
  lines = made.in_turns.splitlines()
  assert lines[::3] == [f"# {one}" for one in made.asked] and lines[1::3] == [*made.answers]
  assert {*lines[2::3]} == {""}
  assert made.at_once.splitlines() == [*(f"# {one}" for one in made.asked), *made.answers]


def test_half_of_the_documents_are_of_each_form_and_no_two_are_alike():
  documents = [*FEW.split("train"), *FEW.split("validation")]
  assert sum("\n\n" in one.text for one in documents) == len(documents) / 2
  assert len({one.text for one in documents}) == len(documents)
  assert FEW.split("train")[3].path == "micro_scripts/train/00003.py"


def test_no_document_to_train_on_has_the_lines_that_are_asked_for():
  held = {steps(one) for one in scripts.held_out(40)}
  corpus = ScriptCorpus(train=1200, validation=300)
  trained = [steps(one.text.splitlines()) for one in corpus.split("train")]
  assert len(held) == 40 and not any(one in text for one in held for text in trained)
  asked = [steps(one.text.splitlines()) for one in corpus.split("validation")]
  assert any(one in text for one in {steps(one) for one in scripts.held_out(200)} for text in asked)


def steps(of: scripts.Script | list[str]) -> str:
  """Its lines, whatever its variables are called."""
  lines = (
    [*of.answers[1:-1]]
    if isinstance(of, scripts.Script)
    else [line for line in of if " = " in line and not line.startswith("#")][1:]
  )
  names = [name for pairs in functions.ARGUMENTS.values() for name in pairs]
  text = "\n".join(line.partition(" = ")[2] for line in lines)
  for many, one in names:
    text = re.sub(rf"\b{many}\b", "MANY", re.sub(rf"\b{one}\b", "ONE", text))
  return text
