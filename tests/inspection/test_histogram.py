from collections import Counter

import numpy as np
import pytest

from codegen_jax.inspection import histogram
from codegen_jax.inspection.tally import Counts


def test_ratios_fall_into_tenths():
  drawn = histogram.of_ratios([k / 10 for k in range(10)] + [0.999, 1.0])
  assert [label for label, _ in drawn.bins][:2] == ["0-10%", "10-20%"]
  assert [count for _, count in drawn.bins] == [1] * 9 + [3]


def test_more_than_all_has_a_bin_where_there_is_any():
  drawn = histogram.of_ratios([0.5, 1.5, 3.0])
  assert drawn.bins[-1] == ("> 100%", 2) and sum(count for _, count in drawn.bins) == 3


def test_lengths_fall_into_bins_that_double():
  drawn = histogram.of_lengths(Counter({1: 5, 2: 1, 3: 1, 4: 2, 5: 1, 8: 1, 9: 7}))
  assert drawn.bins == (("1", 5), ("2", 1), ("3-4", 3), ("5-8", 2), ("9-16", 7))
  assert drawn.highest == 7


def test_empty_spans_are_shown_where_there_are_any():
  assert histogram.of_lengths(Counter({0: 3, 2: 1})).bins == (("0", 3), ("1", 0), ("2", 1))
  assert histogram.of_lengths(Counter({0: 3})).bins[0] == ("0", 3)


@pytest.mark.parametrize("seed", range(5))
def test_nothing_falls_between_bins(seed):
  rng = np.random.default_rng(seed)
  lengths = Counter(rng.geometric(0.05, 200).tolist())
  assert sum(count for _, count in histogram.of_lengths(lengths).bins) == 200
  wholes = rng.integers(1, 40, 200)
  parts = rng.integers(0, wholes + 1)
  drawn = histogram.of_ratios((parts / wholes).tolist())
  for tenth, (_, count) in enumerate(drawn.bins):
    exact = np.minimum(parts * 10 // wholes, 9)
    assert count == (exact == tenth).sum()


def test_the_summary_has_the_moments():
  assert histogram.of_lengths(Counter({1: 2, 9: 1})).summary == (
    "3 spans, mean 3.7, median 1, longest 9"
  )
  assert histogram.of_ratios([0.1, 0.3]).summary == "2 documents, mean 20.0%, median 20.0%"


def test_there_is_none_without_spans():
  assert histogram.histograms(Counts()) == []
  both = histogram.histograms(Counts(ratios=(0.5,), spans={2: 1}))
  assert [drawn.title for drawn in both] == ["mask ratio of documents", "span length in tokens"]
