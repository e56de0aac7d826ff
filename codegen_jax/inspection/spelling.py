r"""How text is shown, so that nothing of it is invisible and none of it does anything.

    x = 1 and a tab, a form feed, half of an é   ->   x = 1↵ ⇥ \x0c \xc3

A line break and a tab are shown and are still there: deleting the signs gives the text back.
"""

from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Int
import numpy as np

NEWLINE, TAB = "↵\n", "⇥\t"
PADDING = "… {:,} padding"


@runtime_checkable
class Vocabulary(Protocol):
  """What is asked of a vocabulary whose rows are shown; `ByteLevelBPE` is one."""

  def to_bytes(self, ids: Int[np.ndarray, " n"]) -> bytes:
    """The text of ids, and the names of special tokens."""

  def is_special(self) -> Bool[np.ndarray, " V"]:
    """Which ids are special tokens."""


def spell(vocabulary: Vocabulary, *ids: int) -> str:
  r"""The text of consecutive tokens; bytes of it that are no whole character as \xNN."""
  data = vocabulary.to_bytes(np.array(ids, np.int32))
  return visible(data.decode("utf-8", "backslashreplace"))


def visible(text: str) -> str:
  """Text that no terminal obeys: of what cannot be printed, its number."""
  return "".join(character if character.isprintable() else _sign(character) for character in text)


def on_one_line(spelled: str) -> str:
  """The signs alone, for what only might stand there."""
  return spelled.replace(NEWLINE, NEWLINE[0]).replace(TAB, TAB[0])


def _sign(character: str) -> str:
  if character in "\n\t":
    return NEWLINE if character == "\n" else TAB
  # From 0x80 on not as \xNN, which is a byte.
  number = ord(character)
  if number < 0x80:
    return f"\\x{number:02x}"
  return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
