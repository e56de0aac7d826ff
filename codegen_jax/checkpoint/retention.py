"""Which steps of a run stay on disk."""

from collections.abc import Mapping, Sequence
import dataclasses
import math
from typing import Any

from orbax.checkpoint import checkpoint_managers

policies = checkpoint_managers.preservation_policy


@dataclasses.dataclass(frozen=True)
class Retention:
  """A step stays if any of the three wants it.

  Attributes:
    last: so many of the newest.
    every: those whose number it divides; 0 is none.
    best: so many with the lowest score; 0 is none.
  """

  last: int
  every: int = 0
  best: int = 0

  def policy(self, scores: Mapping[int, float]) -> Any:
    """As Orbax asks; `scores` is read at each save, so it may grow."""
    wanted: list[Any] = [policies.LatestN(self.last)]
    if self.every:
      wanted.append(policies.EveryNSteps(self.every))
    if self.best:
      wanted.append(_Best(self.best, scores))
    return policies.AnyPreservationPolicy(wanted)


@dataclasses.dataclass(frozen=True)
class _Best:
  number: int
  scores: Mapping[int, float]

  def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> Sequence[bool]:
    by_score = sorted(checkpoints, key=lambda kept: self.scores.get(kept.step, math.inf))
    chosen = {kept.step for kept in by_score[: self.number]}
    return [kept.step in chosen for kept in checkpoints]
