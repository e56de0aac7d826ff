r"""Where a completion ends: the text of tokens as they come, up to the first stop string.

tokens   [x = 1 \\n] [\\n d] [ef f]          stop string  \\n\\ndef
certain   x = 1                             held back, since they may begin one: \\n \\n d
text      x = 1
"""

import codecs
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Int
import numpy as np


@runtime_checkable
class Vocabulary(Protocol):
  """What text needs of a vocabulary; `ByteLevelBPE` is one."""

  def to_bytes(self, ids: Int[np.ndarray, " n"]) -> bytes:
    """The text of ids that are no special tokens."""

  def is_special(self) -> Bool[np.ndarray, " V"]:
    """Which ids are special tokens."""

  def special_id(self, name: str) -> int:
    """The id of a special token; InputError where there is none."""


class Text:
  """The text of one completion, token by token.

  It ends with the character that completes a stop string, whichever is complete first; of several
  that end there the longest counts.  So where it ends is a property of the text: how tokens or
  chunks cut it plays no part.  A special token has no text, nor has an id that is the
  network's and not the vocabulary's.  Bytes that are no UTF-8 become U+FFFD,
  and a character that is not complete yet is waited for.
  """

  def __init__(self, vocabulary: Vocabulary, stop_strings: Sequence[str] = ()):
    self._vocabulary = vocabulary
    self._is_special = vocabulary.is_special()
    self._stops = tuple(stop_strings)
    self._longest = max(map(len, self._stops), default=0)
    self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
    self._text = ""
    self._told = 0  # characters that `news` has given
    self.stopped = False

  def add(self, token: int) -> bool:
    """Takes the next token; says whether a stop string is complete, so that no more may come."""
    if token < len(self._is_special) and not self._is_special[token]:
      self._append(self._decoder.decode(self._vocabulary.to_bytes(np.array([token]))))
    return self.stopped

  def finish(self) -> str:
    """All of it, without the stop string; half a character at its end becomes U+FFFD."""
    if not self.stopped:
      self._append(self._decoder.decode(b"", final=True))
    return self._text

  def news(self, *, finished: bool = False) -> str:
    """What has become certain since the last call: no stop string can take it back."""
    certain = len(self._text) if finished or self.stopped else len(self._text) - self._held()
    new = self._text[self._told : certain]
    self._told = max(self._told, certain)
    return new

  def _append(self, new: str) -> None:
    before = len(self._text)
    self._text += new
    # A stop string that is complete now ends in what is new.
    first = max(0, before - self._longest + 1)
    found = [
      (place + len(stop), place)
      for stop in self._stops
      if (place := self._text.find(stop, first)) >= 0
    ]
    if found:
      self._text = self._text[: min(found)[1]]
      self.stopped = True

  def _held(self) -> int:
    """Characters at the end that may be the beginning of a stop string."""
    for length in range(min(self._longest - 1, len(self._text)), 0, -1):
      end = self._text[-length:]
      if any(len(stop) > length and stop.startswith(end) for stop in self._stops):
        return length
    return 0
