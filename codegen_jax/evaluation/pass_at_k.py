"""pass@k: the chance that at least one of k samples of a problem is right."""

from collections.abc import Sequence
import math
from typing import NamedTuple


class Estimate(NamedTuple):
  """stderr: over problems, since samples of one problem are no independent problems."""

  value: float
  stderr: float


def of_problem(n: int, c: int, k: int) -> float:
  """Unbiased, from n samples of which c passed: 1 - C(n - c, k) / C(n, k) (arXiv 2107.03374).

  Raises:
    ValueError: there are fewer than k samples, or more that passed than there are.
  """
  if not 0 <= c <= n or not 1 <= k <= n:
    raise ValueError(f"{k} of {n} samples of which {c} passed")
  if n - c < k:
    return 1.0
  return 1.0 - math.prod(1.0 - k / i for i in range(n - c + 1, n + 1))


def mean(values: Sequence[float]) -> Estimate:
  """Over problems; of one problem the error is not known, and nan."""
  center = sum(values) / len(values)
  if len(values) < 2:
    return Estimate(center, math.nan)
  variance = sum((value - center) ** 2 for value in values) / (len(values) - 1)
  return Estimate(center, math.sqrt(variance / len(values)))


def pass_at_k(passed: Sequence[Sequence[bool]], k: int) -> Estimate:
  """Of the samples of each problem, whether they passed."""
  return mean([of_problem(len(one), sum(one), k) for one in passed])
