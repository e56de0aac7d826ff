"""How sure we are of a number: standard errors, and paired intervals over items and seeds.

Two trained models are compared on the same items (held-out documents, problems, texts), and two
things could have been otherwise: which items were held out, and which seeds the models were trained
with.  A value is a sum over items by another sum: bits by bytes, passes by samples.

                  item 1       item 2       item 3  ...
        seed 0      a - b        a - b        a - b        | resample columns: interval_items
        seed 1      a - b        a - b        a - b        v
                  ------------ spread of the rows ----------> interval_seeds
"""

from collections.abc import Mapping, Sequence
import dataclasses
import math

import numpy as np

Items = Mapping[str, tuple[float, float]]  # name -> (what is summed, what it is divided by)
Interval = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Difference:
  """An arm minus its baseline, in the metric's unit."""

  difference: float  # mean over seeds
  per_seed: tuple[float, ...]
  interval_items: Interval | None  # None for a single item
  interval_seeds: Interval | None  # None for a single seed
  interval: Interval | None  # over both at once; None where one of the two is
  num_items: int
  level: float


def mean_and_stderr(values: Sequence[float]) -> tuple[float, float | None]:
  """Returns the mean and its standard error (n - 1), which one value alone cannot tell."""
  if not len(values):
    raise ValueError("no values to average; a mean needs at least one")
  mean = float(np.mean(values))
  if len(values) == 1:
    return mean, None
  return mean, float(np.std(values, ddof=1) / math.sqrt(len(values)))


def of_items(items: Items) -> float:
  """Sum over sum, so a long document counts for its length."""
  whole = sum(below for _, below in items.values())
  if whole <= 0:
    raise ValueError(f"{len(items)} items sum up to {whole}; held-out text is missing")
  # fsum does not mind in which order the items come.
  return math.fsum(above for above, _ in items.values()) / whole


def paired_difference(
  arm: Sequence[Items],
  baseline: Sequence[Items],
  *,
  level: float = 0.95,
  resamples: int = 2000,
  seed: int = 0,
) -> Difference:
  """Compares the models of an arm with those of its baseline, seed i with seed i.

  `interval_items` says what another held-out set would give for these trained models: it is a
  percentile bootstrap over items, each drawn with what both arms and all seeds made of it.  It
  takes items to be independent, and below some thirty of them it is a little too narrow.
  `interval_seeds` says what other trainings would give on these items, by Student's t.
  `interval` says what other trainings on another held-out set would give: the two variances add up,
  with the degrees of freedom that Welch and Satterthwaite give to such a sum (Biometrics Bulletin
  2, 1946).
  """
  _check(arm, baseline)
  if not 0 < level < 1:
    raise ValueError(f"level={level} is no share of cases; write 0.95 for 95%")
  per_seed = tuple(of_items(a) - of_items(b) for a, b in zip(arm, baseline, strict=True))
  # Sorted, so that the order in which a model met its items does not move the interval.
  names = sorted(arm[0])
  above = np.array(
    [[a[name][0] - b[name][0] for name in names] for a, b in zip(arm, baseline, strict=True)]
  ).mean(axis=0)
  below = np.array([arm[0][name][1] for name in names], dtype=np.float64)
  means = _bootstrap(above, below, resamples, seed) if len(names) > 1 else None
  return _difference(per_seed, means, len(names), level)


def difference_of_groups(
  arm: Sequence[Items],
  baseline: Sequence[Items],
  *,
  level: float = 0.95,
  resamples: int = 2000,
  seed: int = 0,
) -> Difference:
  """Compares groups of items that have none in common: problems solved with problems unsolved.

  As `paired_difference`, but an item may be in the arm's group of one seed and in the baseline's of
  another: it is drawn with all that it is in any of them.
  """
  names = sorted({name for items in (*arm, *baseline) for name in items})
  per_seed = tuple(of_items(a) - of_items(b) for a, b in zip(arm, baseline, strict=True))
  sums = [
    np.array([[items.get(name, (0.0, 0.0)) for name in names] for items in side])
    for side in (arm, baseline)
  ]  # of each side [seeds, items, 2]
  generator = np.random.default_rng(seed)
  means: list[float] = []
  while len(means) < resamples:
    drawn = generator.integers(len(names), size=len(names))
    (a, sized_a), (b, sized_b) = (np.moveaxis(one[:, drawn].sum(axis=1), 1, 0) for one in sums)
    if sized_a.all() and sized_b.all():  # a draw without any of a group says nothing of it
      means.append(float((a / sized_a - b / sized_b).mean()))
  return _difference(per_seed, np.sort(means), len(names), level)


def _difference(
  per_seed: tuple[float, ...], means: np.ndarray | None, num_items: int, level: float
) -> Difference:
  """Of the seeds' differences and of the bootstrap's, in order; None for a single item."""
  mean, stderr = mean_and_stderr(per_seed)
  interval_seeds = None
  if stderr is not None:
    half = student_t(level, len(per_seed) - 1) * stderr
    interval_seeds = (mean - half, mean + half)
  return Difference(
    difference=mean,
    per_seed=per_seed,
    interval_items=None if means is None else _percentiles(means, level),
    interval_seeds=interval_seeds,
    interval=None
    if means is None or stderr is None
    else _over_both(mean, float(means.std()), num_items, stderr, len(per_seed), level),
    num_items=num_items,
    level=level,
  )


def _over_both(
  mean: float, of_items: float, num_items: int, of_seeds: float, num_seeds: int, level: float
) -> Interval:
  """From the standard errors over items and over seeds, and how many there are of each."""
  variances = (of_items**2, num_items - 1), (of_seeds**2, num_seeds - 1)
  total = sum(variance for variance, _ in variances)
  if not total:
    return (mean, mean)
  freedom = total**2 / sum(variance**2 / n for variance, n in variances)
  half = student_t(level, max(1, math.floor(freedom))) * math.sqrt(total)
  return (mean - half, mean + half)


def student_t(level: float, freedom: int) -> float:
  """Returns t such that a Student variable lies within +-t with probability `level`."""
  # The share within +-sqrt(freedom) tan(angle) grows with the angle, which has a bounded range.
  low, high = 0.0, math.pi / 2
  for _ in range(64):
    angle = (low + high) / 2
    low, high = (angle, high) if _share_within(angle, freedom) < level else (low, angle)
  return math.sqrt(freedom) * math.tan((low + high) / 2)


def _share_within(angle: float, freedom: int) -> float:
  """The finite sums of Abramowitz and Stegun, 26.7.3 (odd freedom) and 26.7.4 (even)."""
  sine, cosine, odd = math.sin(angle), math.cos(angle), freedom % 2
  term, total = cosine**odd, 0.0
  for power in range(odd, freedom - 1, 2):
    total += term
    term *= cosine**2 * (power + 1) / (power + 2)
  return 2 / math.pi * (angle + sine * total) if odd else sine * total


def _bootstrap(above: np.ndarray, below: np.ndarray, resamples: int, seed: int) -> np.ndarray:
  """The values of so many sets of items, drawn with replacement, in order."""
  generator = np.random.default_rng(seed)
  n = len(above)
  means = np.empty(resamples)
  rows = max(1, 1_000_000 // n)  # so that a block of drawn items stays within a few megabytes
  for start in range(0, resamples, rows):
    drawn = generator.integers(n, size=(min(rows, resamples - start), n))
    means[start : start + rows] = above[drawn].sum(axis=1) / below[drawn].sum(axis=1)
  means.sort()
  return means


def _percentiles(means: np.ndarray, level: float) -> Interval:
  resamples = len(means)
  # Mirrored ranks, not interpolated quantiles: swapping the arms then flips the interval exactly.
  rank = math.floor(round((resamples + 1) * (1 - level) / 2, 9))
  if rank < 1:
    raise ValueError(f"{resamples} resamples have no tail beyond {level:.2%}; draw more of them")
  return float(means[rank - 1]), float(means[-rank])


def _check(arm: Sequence[Items], baseline: Sequence[Items]) -> None:
  """The same items and sizes in every model: anything else is no pair."""
  if len(arm) != len(baseline) or not arm:
    raise ValueError(
      f"{len(arm)} seeds of the arm and {len(baseline)} of the baseline; "
      "seeds are paired by position, so there must be as many of each and at least one"
    )
  reference = arm[0]
  if not reference:
    raise ValueError("nothing held out was scored; nothing can be compared")
  for side, models in (("arm", arm), ("baseline", baseline)):
    for i, items in enumerate(models):
      if odd := sorted(set(reference) ^ set(items)):
        lacking = f"seed {i} of the {side}" if odd[0] in reference else "seed 0 of the arm"
        raise ValueError(
          f"{odd[0]!r} was not scored by {lacking}, but by the model it is paired with "
          f"({len(odd)} such items); score every model on the same held-out set"
        )
      for name, (above, below) in items.items():
        if below != reference[name][1]:
          raise ValueError(
            f"{name!r} is of size {below} in seed {i} of the {side} and of "
            f"{reference[name][1]} in seed 0 of the arm; score the same text in every model"
          )
        if below <= 0 or not math.isfinite(above):
          raise ValueError(
            f"{name!r} has {above} in a size of {below} in seed {i} of the {side}; leave "
            "out what is empty, and look at the loss if the model has diverged"
          )
