"""What objectives that move text ask of a vocabulary, and which documents they leave alone."""

import dataclasses
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Int
import numpy as np

from codegen_jax.data import special_tokens
from codegen_jax.data.objectives.example import Example


@runtime_checkable
class Vocabulary(Protocol):
  """`ByteLevelBPE` is one.  All methods: nothing is read before the first row is made."""

  def special_id(self, name: str) -> int:
    """The id of a special token; InputError where there is none."""

  def mask_ids(self) -> Int[np.ndarray, " masks"]:
    """The ids of <mask_1>, <mask_2>, ..."""

  def is_special(self) -> Bool[np.ndarray, " V"]:
    """Which ids are special tokens."""

  def token_num_bytes(self) -> Int[np.ndarray, " V"]:
    """Bytes of text behind each id."""

  def to_bytes(self, ids: Int[np.ndarray, " n"]) -> bytes:
    """The text of ids that are no special tokens."""

  def encode(self, s: str) -> list[int]:
    """The ids of a text."""


@dataclasses.dataclass(frozen=True)
class Body:
  """A document without the token that ends it: the rest of a row's last document has none."""

  tokens: Int[np.ndarray, " n"]
  end: Int[np.ndarray, " end"]
  why_not: str  # why nothing may be taken out of it, or ""


def body(example: Example, vocabulary: Vocabulary) -> Body:
  """Takes an example apart; a row that is treated as one document may have others' ends inside."""
  tokens, eos = example.tokens, vocabulary.special_id(special_tokens.END_OF_TEXT)
  has_end = len(tokens) > 0 and tokens[-1] == eos
  end = len(tokens) - has_end
  inside = tokens[:end]
  if end == 0:
    why_not = "it is empty"
  elif np.count_nonzero(special := vocabulary.is_special().take(inside)) and (
    np.any(inside[special] != eos)
  ):
    why_not = "it holds special tokens"  # what was moved could not be told from what was there
  else:
    why_not = ""
  return Body(inside, tokens[end:], why_not)
