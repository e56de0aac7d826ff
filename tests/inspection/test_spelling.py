import numpy as np
import pytest

from codegen_jax.inspection import spelling
from tests.inspection import texts

VOCABULARY = texts.VOCABULARY


def unsigned(shown: str) -> str:
  return shown.replace("↵\n", "\n").replace("⇥\t", "\t")


def test_breaks_and_tabs_are_shown_and_stay():
  assert spelling.visible("a\n\tb") == "a↵\n⇥\tb"
  assert spelling.on_one_line(spelling.visible("a\n\tb")) == "a↵⇥b"


@pytest.mark.parametrize(
  ("text", "shown"),
  [
    ("\x1b[31m", "\\x1b[31m"),
    ("\r\f\x00", "\\x0d\\x0c\\x00"),
    ("\x85\xa0", "\\u0085\\u00a0"),
    ("\u202e\u2028", "\\u202e\\u2028"),
    ("\U000e0001", "\\U000e0001"),
    ("é日🙂 <b>", "é日🙂 <b>"),
  ],
)
def test_what_a_terminal_would_obey_is_shown_as_its_number(text, shown):
  assert spelling.visible(text) == shown


@pytest.mark.parametrize("text", [*texts.CODE.values()][2:])
def test_signs_taken_away_leave_the_text(text):
  assert unsigned(spelling.spell(VOCABULARY, *VOCABULARY.encode(text))) == text


def test_special_tokens_are_shown_by_their_names():
  names = ("<fim_prefix>", "<mask_3>", "<|endoftext|>", "<eom>")
  assert spelling.spell(VOCABULARY, *texts.ids(*names).tolist()) == "".join(names)


def test_half_a_character_is_shown_as_its_bytes():
  tokens = VOCABULARY.encode("🙂")
  assert len(tokens) == 4  # no ASCII text taught it
  assert [spelling.spell(VOCABULARY, token) for token in tokens] == [
    "\\xf0",
    "\\x9f",
    "\\x99",
    "\\x82",
  ]
  assert spelling.spell(VOCABULARY, *tokens) == "🙂"
  assert spelling.spell(VOCABULARY, *tokens[:3]) == "\\xf0\\x9f\\x99"


def test_every_id_has_a_name_that_can_be_printed():
  for token in np.arange(VOCABULARY.vocab_size).tolist():
    name = spelling.on_one_line(spelling.spell(VOCABULARY, token))
    assert name and name.isprintable()
