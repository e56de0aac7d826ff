"""Examples in the words of templates."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from codegen_jax.data import templates
from codegen_jax.data.pairs import Choice, Pair
from codegen_jax.data.templates import Template
from codegen_jax.errors import InputError

FIELDS = {"premise": "It rains all day.", "claim": "It is dry."}


def render(prompt: str, target: str = "{answer}", **given):
  given = {"path": "x:1", "answer": "no", "options": ("yes", "no")} | given
  return templates.render(Template(prompt, target), FIELDS, **given)


def text(pair: Pair) -> str:
  return pair.text + pair.question + pair.answer


def test_fields_options_and_answer_stand_in_their_places():
  assert text(render("Is {claim}\nso, if {premise}?")) == (
    "Is It is dry.\nso, if It rains all day.?\nOptions:\n- yes\n- no\nAnswer: no"
  )


def test_the_wrong_options_are_the_others():
  asked = {"options": ("yes", "maybe", "no")}
  made = render("{claim}?", **asked, choice=True)
  assert made == Choice("x:1", "It is dry.", made.question, " no", (" yes", " maybe"))
  assert type(render("{claim}?", **asked)) is Pair


def test_a_template_that_is_turned_around_lists_nothing_and_offers_nothing():
  made = render('After {premise} one says "{answer}" to:', "{claim}")
  assert type(made) is Pair and made.answer == " It is dry." and "Options" not in text(made)


def test_what_may_be_cut_ends_with_the_longest_field():
  made = render("Read: {premise} Is it true: {claim}")
  assert made.text == "Read: It rains all day."
  assert made.question.startswith(" Is it true: It is dry.\nOptions:")


@given(values=st.lists(st.text("a{}\n ", max_size=8), min_size=2, max_size=2))
def test_braces_of_an_example_are_text(values):
  fields = dict(zip(FIELDS, values, strict=True))
  made = templates.render(Template("{premise}|{claim}"), fields, path="", answer="{x}")
  assert text(made) == "|".join(values) + "\nAnswer: {x}"


def test_examples_before_are_text_that_may_be_cut_last():
  first = templates.shown(render("{claim}?"))
  assert first.endswith("\nAnswer: no\n\n")
  assert render("{claim}?", before=first).text == first + "It is dry."


@pytest.mark.parametrize(
  ("template", "said"),
  [
    (Template("{premis}"), r"template 2 of x names \{premis\}.*did you mean.*\{premise\}"),
    (Template("{premise}", "{label}"), r"names \{label\}.*the fields are premise, claim, answer"),
    (Template("{premise} {answer}"), r"tells \{answer\} and asks for it"),
    (Template("{premise"), "cannot be read"),
    (Template("{}"), r"names \{\}, which is no field"),
  ],
)
def test_a_template_that_cannot_work_is_named(template, said):
  with pytest.raises(InputError, match=said):
    templates.check("x", [Template("{premise}"), template], tuple(FIELDS))


def test_templates_that_work_are_accepted():
  templates.check("x", [Template("{{ {premise}"), Template("{answer}", "{claim}")], tuple(FIELDS))
