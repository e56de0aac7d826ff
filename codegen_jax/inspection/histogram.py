"""Numbers in bins, for a terminal's bars and a page's."""

from collections.abc import Mapping, Sequence
import dataclasses
import itertools

import numpy as np

from codegen_jax.inspection.tally import Counts


@dataclasses.dataclass(frozen=True)
class Histogram:
  """How many values lie in each bin, and a line that sums them up."""

  title: str
  summary: str
  bins: tuple[tuple[str, int], ...]  # label, count

  @property
  def highest(self) -> int:
    return max(count for _, count in self.bins)


def histograms(counts: Counts) -> list[Histogram]:
  """Of the mask ratios and of the lengths of spans; none where no span was taken out."""
  if not counts.ratios:
    return []
  return [of_ratios(counts.ratios), of_lengths(counts.spans)]


def of_ratios(ratios: Sequence[float]) -> Histogram:
  """In tenths; above 1 where text that was taken out takes more tokens than it did inside."""
  values = np.array(ratios)
  tenths = np.clip(np.floor(values * 10 + 1e-9).astype(int), 0, 9)
  bins = [(f"{10 * i}-{10 * i + 10}%", int((tenths[values <= 1] == i).sum())) for i in range(10)]
  if above := int((values > 1).sum()):
    bins.append(("> 100%", above))
  summary = f"{len(ratios):,} documents, mean {values.mean():.1%}, median {np.median(values):.1%}"
  return Histogram("mask ratio of documents", summary, tuple(bins))


def of_lengths(lengths: Mapping[int, int]) -> Histogram:
  """In bins that double:   1  2  3-4  5-8  9-16"""
  values = np.repeat(list(lengths), list(lengths.values()))
  edges = [0, 1]
  while edges[-1] < values.max():
    edges.append(2 * edges[-1])
  bins = [
    (_range(low + 1, high), int(((low < values) & (values <= high)).sum()))
    for low, high in itertools.pairwise(edges)
  ]
  if empty := int((values == 0).sum()):  # a middle may have no text
    bins.insert(0, ("0", empty))
  summary = (
    f"{len(values):,} spans, mean {values.mean():.1f}, median {np.median(values):g},"
    f" longest {values.max():,}"
  )
  return Histogram("span length in tokens", summary, tuple(bins))


def _range(low: int, high: int) -> str:
  return f"{low}" if low == high else f"{low}-{high}"
