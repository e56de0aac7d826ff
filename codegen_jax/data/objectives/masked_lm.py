"""Masked language modelling: tokens are hidden in their places, for an encoder that reads all."""

import dataclasses
import functools

from jaxtyping import Bool, Int
import numpy as np

from codegen_jax.data.objectives.example import Example, Objective
from codegen_jax.data.objectives.sentinels import Vocabulary
from codegen_jax.errors import InputError


@dataclasses.dataclass(frozen=True)
class MaskedLM(Objective):
  """Hides tokens and asks for them where they stood (BERT, 1810.04805).

      tokens   a b c d e    ->   a <mask_1> c d <mask_1>
      answers                    a b c d e
      loss                       . 1 . . 1

  Of the tokens asked for, 80 % become <mask_1>, 10 % a random token, and 10 % stay.  Special tokens
  are never asked for.  For bidirectional attention: every other would see the answers coming.

  Args:
    vocabulary: of the documents.
    ratio: the share of tokens asked for.
    random, kept: of these, the shares that become a random token and that stay.
  """

  vocabulary: Vocabulary = dataclasses.field(repr=False)
  ratio: float = 0.15
  random: float = 0.1
  kept: float = 0.1

  def __post_init__(self):
    if not 0 < self.ratio < 1:
      raise InputError(
        f"MaskedLM has the mask ratio {self.ratio}; it must lie between 0 and 1, both left out: at"
        " 0 nothing is learnt and at 1 nothing is left to read"
      )
    if min(self.random, self.kept) < 0 or self.random + self.kept > 1:
      raise InputError(
        f"MaskedLM has random={self.random} and kept={self.kept}: shares of the tokens asked for,"
        " together at most 1"
      )

  @property
  def in_place(self) -> bool:
    return True

  @functools.cached_property
  def _special(self) -> Bool[np.ndarray, " V"]:
    return self.vocabulary.is_special()

  @functools.cached_property
  def _words(self) -> Int[np.ndarray, " words"]:
    return np.flatnonzero(self.vocabulary.token_num_bytes() > 0).astype(np.int32)

  def __call__(self, example: Example, rng: np.random.Generator) -> Example:
    ordinary = np.flatnonzero(~self._special[example.tokens])
    n = len(ordinary)
    asked = rng.permutation(ordinary)[: max(round(n * self.ratio), min(n, 1))]
    tokens = example.tokens.copy()
    kinds = rng.random(len(asked))
    tokens[asked[kinds >= self.kept]] = self.vocabulary.mask_ids()[0]
    other = asked[(kinds >= self.kept) & (kinds < self.kept + self.random)]
    tokens[other] = rng.choice(self._words, len(other))
    loss_mask = np.zeros(len(tokens), bool)
    loss_mask[asked] = True
    return dataclasses.replace(
      example,
      tokens=tokens,
      loss_mask=loss_mask,
      answers=example.tokens,
      changes=example.changed(n, np.ones(len(asked), int)),
    )

  def check(self, num_tokens: int, documents: int = 1) -> None:
    if not len(self.vocabulary.mask_ids()):
      raise InputError("the vocabulary has no <mask_1>, which hides a token; train one that has")
