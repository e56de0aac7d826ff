r"""Cuts a long text where no token crosses, for a tokenizer takes 200 times the size of a text.

... return x\n  y = 1 ...   --->   ... return x   |   \n  y = 1 ...
"""

from collections.abc import Iterator
import re

LONGEST = 2**20  # characters that a tokenizer is given as one
WINDOW = 2**16  # characters before that, in which a place is looked for

# Byte-level BPE merges within words, and a word may begin with white space: it never ends with any.
# Letters and digits are words of their own, which is what hex and base64 are cut by.
_PLACES = (re.compile("[A-Za-z0-9](?=[ \\t\\r\\n])"), re.compile("[A-Za-z](?=[0-9])"))


def pieces(text: str) -> Iterator[str]:
  """The text in parts; where it has no such place for so long, it is cut at any character."""
  start = 0
  while len(text) - start > LONGEST:
    stop = start + LONGEST
    for place in _PLACES:
      if found := place.search(text, stop - WINDOW, stop):
        stop = found.end()
        break
    yield text[start:stop]
    start = stop
  yield text[start:] if start else text
