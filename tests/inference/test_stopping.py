"""Text ends at the first stop string, however tokens cut it."""

from hypothesis import example, given
from hypothesis import strategies as st
import pytest

from codegen_jax.inference.stopping import Text
from tests.inference.pieces import EOS, PIECES, Pieces

tokens = st.lists(st.integers(0, len(PIECES) - 1), max_size=12)
stops = st.lists(st.text("ab\né", min_size=1, max_size=4), max_size=3)


def naive(ids: list[int], stop_strings: list[str]) -> tuple[str, bool]:
  """Decodes all of it, then looks at every beginning, from the shortest on."""
  text = b"".join(PIECES[i] for i in ids).decode("utf-8", "replace")
  for end in range(len(text) + 1):
    ending = [stop for stop in stop_strings if text[:end].endswith(stop)]
    if ending:
      return text[: end - max(map(len, ending))], True
  return text, False


@given(tokens, stops)
@example([0, 4], ["a\n"])  # straddles two tokens
@example([9], ["a"])  # lies within one, twice
@example([2, 1], ["abb", "b"])  # the shorter is complete first
@example([12, 13], ["é"])  # of two halves
def test_text_is_cut_as_if_all_had_been_decoded_first(ids, stop_strings):
  text = Text(Pieces(), stop_strings)
  stopped = False
  for token in ids:
    stopped = text.add(token)
    if stopped:
      break
  wanted, stops_there = naive(ids, stop_strings)
  assert text.finish() == wanted
  assert stopped == stops_there


@given(tokens, stops)
def test_pieces_that_are_told_early_are_never_taken_back(ids, stop_strings):
  text, told = Text(Pieces(), stop_strings), ""
  for token in ids:
    stopped = text.add(token)
    told += text.news()
    assert naive(ids, stop_strings)[0].startswith(told)
    if stopped:
      break
  final = text.finish()
  assert told + text.news(finished=True) == final


def test_what_cannot_begin_a_stop_string_is_told_at_once():
  text = Text(Pieces(), ["\n\nab"])
  text.add(0)
  assert text.news() == "a"
  text.add(4)
  assert text.news() == ""
  text.add(8)
  assert text.news() == "\n "


@pytest.mark.parametrize("token", [EOS, len(Pieces().is_special()) + 1], ids=["special", "spare"])
def test_what_is_no_word_has_no_text_and_parts_no_character(token):
  text = Text(Pieces())
  for each in (12, token, 13):
    text.add(each)
  assert text.finish() == "é"


def test_half_a_character_at_the_end_is_marked():
  text = Text(Pieces())
  text.add(14)
  assert text.news() == ""
  assert text.finish() == "\ufffd"
  assert text.finish() == "\ufffd"
