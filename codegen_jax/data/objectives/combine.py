"""Objectives made of objectives: one of several, one inside each document, one scored in part."""

from collections.abc import Iterator, Sequence
import dataclasses
from fractions import Fraction
import functools
import itertools
import math

import numpy as np

from codegen_jax.data.objectives.example import Example, Objective, document_bounds
from codegen_jax.errors import InputError


@dataclasses.dataclass(frozen=True)
class Choose(Objective):
  """Tosses a coin for each row:   Choose((CausalLM(), PerFile(infill)), (0.5, 0.5))

  `PerFile(Choose(...))` tosses one for each document.  Rows of a task are dealt out instead: any
  `len(deal)` that stand together in the corpus hold each objective as often as `deal` does, in an
  order of their own, so that each row can be as long as its objective fills it.
  """

  objectives: tuple[Objective, ...]
  rates: tuple[float, ...]

  def __post_init__(self):
    if len(self.objectives) != len(self.rates) or not self.rates:
      raise InputError(
        f"Choose has {len(self.objectives)} objectives and {len(self.rates)} rates; give each"
        " objective its rate"
      )
    if not all(rate >= 0 and math.isfinite(rate) for rate in self.rates) or not sum(self.rates):
      raise InputError(
        f"Choose has the rates {self.rates}; a rate is a share, none of them negative and not all 0"
      )
    if len({objective.in_place for objective in self.objectives}) > 1:
      raise InputError(
        "Choose mixes an objective that asks for the tokens in their places with one that asks for"
        " the next: no one attention can learn both"
      )

  @property
  def in_place(self) -> bool:
    return self.objectives[0].in_place

  @functools.cached_property
  def _bounds(self) -> list[float]:
    return (np.cumsum(self.rates) / np.sum(self.rates)).tolist()[:-1]

  def __call__(self, example: Example, rng: np.random.Generator) -> Example:
    coin = rng.random()
    chosen = sum(coin >= bound for bound in self._bounds)
    return self.objectives[chosen](example, rng)

  @functools.cached_property
  def deal(self) -> tuple[Objective, ...]:
    """Each objective as often as its rate says:   (0.25, 0.75)   ->   a b b b

    Of rates that are no fractions of 32 or less, the coin itself.
    """
    shares = [Fraction(rate / sum(self.rates)).limit_denominator(32) for rate in self.rates]
    size = math.lcm(*(share.denominator for share in shares))
    told = np.multiply(self.rates, size / sum(self.rates))
    if sum(shares) != 1 or size > 32 or not np.allclose(told, np.round(told), rtol=0, atol=1e-9):
      return (self,)
    pairs = zip(self.objectives, shares, strict=True)
    return tuple(objective for objective, share in pairs for _ in range(int(share * size)))

  def growth(self, num_tokens: int, documents: int = 1) -> int:
    return max(objective.growth(num_tokens, documents) for objective in self.objectives)

  def check(self, num_tokens: int, documents: int = 1) -> None:
    for objective in self.objectives:
      objective.check(num_tokens, documents)


@dataclasses.dataclass(frozen=True)
class PerFile(Objective):
  """Keeps an objective inside each document of a row, in order, with noise of its own for each."""

  objective: Objective

  @property
  def in_place(self) -> bool:
    return self.objective.in_place

  def __call__(self, example: Example, rng: np.random.Generator) -> Example:
    bounds = document_bounds(example.segment_ids)
    if len(bounds) < 3:
      return self.objective(example, rng)
    lengths = [stop - start for start, stop in itertools.pairwise(bounds)]
    rooms = self._rooms(example.room, lengths)
    parts, used = [], 0
    for start, length, room in zip(bounds, lengths, rooms, strict=False):
      part = example.part(slice(start, start + length), room=room - used)
      part = self.objective(part, rng)
      used += len(part.tokens) - length
      parts.append(part)
    return Example.joined(parts, room=example.room - used)

  def _rooms(self, room: int, lengths: Sequence[int]) -> Iterator[int]:
    """How much of the row's room may be used up by the end of each of its documents.

    It is shared as they usually grow; what a document leaves is there for those after it.
    """
    growths = [self.objective.growth(length) for length in lengths]
    total = sum(growths)
    return (room * until // max(total, 1) for until in itertools.accumulate(growths))

  def growth(self, num_tokens: int, documents: int = 1) -> int:
    return documents * self.objective.growth(-(-num_tokens // documents))

  def check(self, num_tokens: int, documents: int = 1) -> None:
    self.objective.check(num_tokens)  # one document may be as long as the row


@dataclasses.dataclass(frozen=True)
class ScoreInfill(Objective):
  """Scores what stands behind the prefix that an objective makes, also where it is not read ahead.

      PrefixSuffixMiddle  [<pre> a b <suf> e f <mid>] c d </s>   c, d and </s> are scored

  So held-out bits per byte are of the middles, given both sides, for whichever attention.  A
  document that was left as it was has nothing to score.
  """

  objective: Objective

  def __call__(self, example: Example, rng: np.random.Generator) -> Example:
    made = self.objective(example, rng)
    told = ~made.prefix_mask & made.prefix_mask.any()
    return dataclasses.replace(made, loss_mask=made.loss_mask & told)

  def growth(self, num_tokens: int, documents: int = 1) -> int:
    return self.objective.growth(num_tokens, documents)

  def check(self, num_tokens: int, documents: int = 1) -> None:
    self.objective.check(num_tokens, documents)
