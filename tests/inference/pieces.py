"""A vocabulary whose tokens cut words, lines and characters anywhere, and a network over it."""

import dataclasses

import numpy as np

from codegen_jax.errors import InputError
from tests import tiny

# The last four end or begin within a character.
PIECES = (
  *(b"a", b"b", b"ab", b"ba", b"\n", b"\n\n", b"b\n", b"\nab", b" ", b"aab"),
  *("é".encode(), "😀".encode(), b"\xc3", b"\xa9", b"\xf0\x9f", b"\x98\x80"),
)
SPECIALS = {
  name: len(PIECES) + i
  for i, name in enumerate(("<|endoftext|>", "<eom>", "<sep>", "<mask_1>", "<fim_prefix>"))
}
EOS = SPECIALS["<|endoftext|>"]


class Pieces:
  """Ids of `PIECES`, then of special tokens."""

  def to_bytes(self, ids: np.ndarray) -> bytes:
    return b"".join(PIECES[i] for i in ids.tolist())

  def is_special(self) -> np.ndarray:
    return np.arange(len(PIECES) + len(SPECIALS)) >= len(PIECES)

  def special_id(self, name: str) -> int:
    if name not in SPECIALS:
      raise InputError(f"these pieces have no special token {name!r}")
    return SPECIALS[name]


# More ids than the vocabulary has, as published models do.
CONFIG = dataclasses.replace(tiny.CONFIG, vocab_size=24)
PARAMS = tiny.random_params(np.random.default_rng(3), CONFIG)
