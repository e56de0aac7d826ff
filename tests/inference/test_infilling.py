"""Prompts are what the objectives make of a document, up to the middle."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from codegen_jax.data.objectives import CODEGEN2, Example, PrefixSuffixMiddle, SpanCorruption
from codegen_jax.data.objectives.spans import Spans
from codegen_jax.errors import InputError
from codegen_jax.inference import infilling
from codegen_jax.inference.requests import Completion, Request
from codegen_jax.inference.settings import SamplingConfig
from tests.data.objectives.inverses import undo_infill
from tests.data.objectives.words import EOS, WORDS

documents = st.lists(st.integers(0, 9), min_size=2, max_size=20)


def example(tokens: list[int]) -> Example:
  size = len(tokens) + 1
  return Example(
    np.array([*tokens, EOS], np.int32),
    np.ones(size, bool),
    np.zeros(size, bool),
    np.ones(size, np.int32),
    room=50,
  )


def assert_is_the_row_up_to_its_middle(layout, made: Example, sections) -> None:
  prefix, middle, suffix = sections
  prompt = layout.prompt(prefix, suffix)
  end = layout.vocabulary.special_id(layout.end)
  assert made.tokens.tolist() == [*prompt, *middle, end]
  opened = layout.both_ways(prompt)
  assert made.prefix_mask.tolist() == [i < opened for i in range(len(made.tokens))]


@given(documents, st.sampled_from(["psm", "spm"]), st.integers(0, 2**32))
def test_a_middle_is_asked_for_as_it_was_moved(tokens, order, seed):
  objective = PrefixSuffixMiddle(WORDS, order=order, cuts="token")
  made = objective(example(tokens), np.random.default_rng(seed))
  prefix, middle, suffix, _ = undo_infill(made.tokens.tolist())
  if order == "spm":  # where the middle begins is known to the objective alone
    (size,) = made.changes[0].spans
    assert not prefix
    prefix, middle = middle[: len(middle) - size], middle[len(middle) - size :]
  assert_is_the_row_up_to_its_middle(infilling.layout(order, WORDS), made, (prefix, middle, suffix))
  assert prefix + middle + suffix == tokens


@given(documents, st.data())
def test_a_span_is_asked_for_as_it_was_taken_out(tokens, data):
  first = data.draw(st.integers(0, len(tokens) - 1))
  size = data.draw(st.integers(1, len(tokens) - first))

  class One:
    def __call__(self, n, rng, *, most):
      return Spans(np.array([first]), np.array([size]), True)

    def usual(self, n):
      return 1

  made = SpanCorruption(WORDS, One(), CODEGEN2)(example(tokens), np.random.default_rng(0))
  sections = tokens[:first], tokens[first : first + size], tokens[first + size :]
  assert_is_the_row_up_to_its_middle(infilling.layout("codegen2", WORDS), made, sections)


def test_each_side_is_encoded_by_itself():
  layout = infilling.layout("psm", WORDS)
  got = infilling.request(layout, "ab", "cd", task="t", problem="p", sample=2)
  assert got == Request("t", "p", 2, layout.prompt([0, 1], [2, 3]), both_ways=7)
  assert infilling.request(
    infilling.layout("codegen2", WORDS), "ab", "", task="t", problem="p", sample=0
  ) == Request("t", "p", 0, (0, 1, 119, 10, 18, 119), both_ways=5)


def test_a_middle_ends_in_its_end_token_alone_and_others_are_counted():
  config = infilling.ending(infilling.layout("codegen2", WORDS), SamplingConfig())
  assert config.stop_tokens == (WORDS.special_id("<eom>"),)
  config = infilling.ending(infilling.layout("spm", WORDS), SamplingConfig())
  assert config.stop_tokens == (EOS,)
  with pytest.raises(InputError, match=r"infilling ends at <eom> alone, .* stop at \('x',\)"):
    infilling.ending(infilling.layout("codegen2", WORDS), SamplingConfig(stop_strings=("x",)))

  def ended(how) -> Completion:
    nothing = np.zeros(0, np.int32), "", how, np.zeros(0, np.float32)
    return Completion(Request("t", "p", 0, (1,)), *nothing)

  assert infilling.unfinished([ended("end token"), ended("length"), ended("stop string")]) == 2


def test_a_hole_parts_a_text_and_there_is_one():
  assert infilling.split_at_hole("a <FILL>\nb") == ("a ", "\nb")
  for text, holes in (("a", 0), ("<FILL> <FILL>", 2)):
    with pytest.raises(InputError, match=f"the text has {holes} holes <FILL>"):
      infilling.split_at_hole(text)


def test_an_unknown_layout_is_refused():
  with pytest.raises(
    InputError, match="no infilling layout 'fim'; choose codegen2, psm, spm or left"
  ):
    infilling.layout("fim", WORDS)
