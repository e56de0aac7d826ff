"""How sure we are of a number: standard errors, and paired intervals over documents and seeds.

Two trained models are compared on the same held-out documents, and two things could have been
otherwise: which documents were held out, and which seeds the models were trained with.

                  document 1   document 2   document 3  ...
        seed 0      a - b        a - b        a - b        | resample columns: interval_documents
        seed 1      a - b        a - b        a - b        v
                  ------------ spread of the rows ----------> interval_seeds
"""

from collections.abc import Mapping, Sequence
import dataclasses
import math

import numpy as np

Documents = Mapping[str, tuple[float, int]]  # document path -> (bits, bytes), of one trained model
Interval = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Difference:
  """An arm minus its baseline, in bits per byte: negative where the arm is the better model."""

  difference: float  # mean over seeds
  per_seed: tuple[float, ...]
  interval_documents: Interval | None  # None for a single document
  interval_seeds: Interval | None  # None for a single seed
  num_documents: int
  level: float


def mean_and_stderr(values: Sequence[float]) -> tuple[float, float | None]:
  """Returns the mean and its standard error (n - 1), which one value alone cannot tell."""
  if not len(values):
    raise ValueError("no values to average; a mean needs at least one")
  mean = float(np.mean(values))
  if len(values) == 1:
    return mean, None
  return mean, float(np.std(values, ddof=1) / math.sqrt(len(values)))


def bits_per_byte(documents: Documents) -> float:
  """Sum of bits over sum of bytes, so a long document counts for its length."""
  num_bytes = sum(size for _, size in documents.values())
  if num_bytes <= 0:
    raise ValueError(f"{len(documents)} documents hold {num_bytes} bytes; held-out text is missing")
  # fsum does not mind in which order the documents come.
  return math.fsum(bits for bits, _ in documents.values()) / num_bytes


def paired_difference(
  arm: Sequence[Documents],
  baseline: Sequence[Documents],
  *,
  level: float = 0.95,
  resamples: int = 2000,
  seed: int = 0,
) -> Difference:
  """Compares the models of an arm with those of its baseline, seed i with seed i.

  `interval_documents` says what another held-out set would give for these trained models: it is a
  percentile bootstrap over documents, each drawn with the bits of both arms and all seeds.  It
  takes documents to be independent, and below some thirty of them it is a little too narrow.
  `interval_seeds` says what other trainings would give on these documents, by Student's t.
  """
  _check(arm, baseline)
  if not 0 < level < 1:
    raise ValueError(f"level={level} is no share of cases; write 0.95 for 95%")
  per_seed = tuple(bits_per_byte(a) - bits_per_byte(b) for a, b in zip(arm, baseline, strict=True))
  mean, stderr = mean_and_stderr(per_seed)
  interval_seeds = None
  if stderr is not None:
    half = student_t(level, len(per_seed) - 1) * stderr
    interval_seeds = (mean - half, mean + half)
  # Sorted, so that the order in which a model met its documents does not move the interval.
  paths = sorted(arm[0])
  bits = np.array(
    [[a[path][0] - b[path][0] for path in paths] for a, b in zip(arm, baseline, strict=True)]
  ).mean(axis=0)
  sizes = np.array([arm[0][path][1] for path in paths], dtype=np.float64)
  return Difference(
    difference=mean,
    per_seed=per_seed,
    interval_documents=_bootstrap(bits, sizes, level, resamples, seed) if len(paths) > 1 else None,
    interval_seeds=interval_seeds,
    num_documents=len(paths),
    level=level,
  )


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


def _bootstrap(
  bits: np.ndarray, sizes: np.ndarray, level: float, resamples: int, seed: int
) -> Interval:
  generator = np.random.default_rng(seed)
  n = len(bits)
  means = np.empty(resamples)
  rows = max(1, 1_000_000 // n)  # so that a block of drawn documents stays within a few megabytes
  for start in range(0, resamples, rows):
    drawn = generator.integers(n, size=(min(rows, resamples - start), n))
    means[start : start + rows] = bits[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
  means.sort()
  # Mirrored ranks, not interpolated quantiles: swapping the arms then flips the interval exactly.
  rank = math.floor(round((resamples + 1) * (1 - level) / 2, 9))
  if rank < 1:
    raise ValueError(f"{resamples} resamples have no tail beyond {level:.2%}; draw more of them")
  return float(means[rank - 1]), float(means[-rank])


def _check(arm: Sequence[Documents], baseline: Sequence[Documents]) -> None:
  """The same documents and bytes in every model: anything else is no pair."""
  if len(arm) != len(baseline) or not arm:
    raise ValueError(
      f"{len(arm)} seeds of the arm and {len(baseline)} of the baseline; "
      "seeds are paired by position, so there must be as many of each and at least one"
    )
  reference = arm[0]
  if not reference:
    raise ValueError("no held-out documents were scored; nothing can be compared")
  for side, models in (("arm", arm), ("baseline", baseline)):
    for i, documents in enumerate(models):
      if odd := sorted(set(reference) ^ set(documents)):
        lacking = f"seed {i} of the {side}" if odd[0] in reference else "seed 0 of the arm"
        raise ValueError(
          f"document {odd[0]!r} was not scored by {lacking}, but by the model it is paired with "
          f"({len(odd)} such documents); score every model on the same held-out set"
        )
      for path, (bits, size) in documents.items():
        if size != reference[path][1]:
          raise ValueError(
            f"document {path!r} has {size} bytes in seed {i} of the {side} and "
            f"{reference[path][1]} in seed 0 of the arm; score the same bytes in every model"
          )
        if size <= 0 or not math.isfinite(bits):
          raise ValueError(
            f"document {path!r} has {bits} bits in {size} bytes in seed {i} of the {side}; leave "
            "out empty documents, and look at the loss if the model has diverged"
          )
