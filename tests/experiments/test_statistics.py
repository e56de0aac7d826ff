"""Intervals that cover the truth as often as they say."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from scipy import stats

from experiments import statistics


def models(bits, sizes):
  """One Documents per row of bits."""
  return [
    {f"d{i:04d}": (float(b), int(n)) for i, (b, n) in enumerate(zip(row, sizes, strict=True))}
    for row in np.atleast_2d(bits)
  ]


def simulated(rng, *, documents=60, seeds=2, shift=0.03):
  """Pairs of models whose documents differ much among themselves, and little between arms."""
  sizes = rng.integers(500, 5000, documents)
  difficulty = rng.normal(2.3, 0.5, documents) * sizes
  own = rng.normal(shift, 0.1, documents)  # how much better the baseline is on each document
  noise = rng.normal(0, 0.02, (2, seeds, documents))
  baseline = difficulty + noise[0] * sizes
  arm = difficulty + (own + noise[1]) * sizes
  return models(arm, sizes), models(baseline, sizes)


def test_standard_error_divides_by_n_minus_one_and_one_value_has_none():
  values = [2.0, 4.0, 9.0]
  mean, stderr = statistics.mean_and_stderr(values)
  assert mean == 5.0
  assert stderr == pytest.approx(stats.sem(values))
  assert statistics.mean_and_stderr([2.5]) == (2.5, None)
  with pytest.raises(ValueError, match="at least one"):
    statistics.mean_and_stderr([])


def test_bits_per_byte_weighs_documents_by_their_length():
  assert statistics.of_items({"a": (10.0, 10), "b": (90.0, 30)}) == 2.5
  with pytest.raises(ValueError, match="held-out text is missing"):
    statistics.of_items({})


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 9, 10, 31, 120])
@pytest.mark.parametrize("level", [0.1, 0.5, 0.9, 0.95, 0.99, 0.999])
def test_student_quantile_agrees_with_scipy(level, freedom):
  wanted = stats.t.ppf((1 + level) / 2, freedom)
  assert statistics.student_t(level, freedom) == pytest.approx(wanted, rel=1e-9, abs=1e-6)


def test_interval_over_documents_covers_the_truth_about_95_times_in_100():
  rng = np.random.default_rng(0)
  covered = []
  for trial in range(400):
    got = statistics.paired_difference(*simulated(rng), resamples=500, seed=trial)
    low, high = got.interval_items
    covered.append(low <= 0.03 <= high)
  assert 0.915 <= np.mean(covered) <= 0.98  # three standard errors of a share are 0.033


def test_interval_over_seeds_covers_the_truth_about_95_times_in_100():
  rng, covered = np.random.default_rng(1), []
  sizes = np.array([1000, 3000])
  for _ in range(400):
    effect = rng.normal(0.05, 0.02, (2, 1))  # what each pair of seeds happens to give
    got = statistics.paired_difference(
      models(effect * sizes, sizes), models(0 * effect * sizes, sizes), resamples=100, level=0.95
    )
    low, high = got.interval_seeds
    covered.append(low <= 0.05 <= high)
  assert 0.915 <= np.mean(covered) <= 0.98


def test_interval_over_both_covers_the_truth_about_95_times_in_100():
  # Other documents and other trainings are drawn, as whoever repeats the experiment would.
  rng, covered, narrow = np.random.default_rng(4), [], []
  for trial in range(400):
    effects = 0.03 + rng.normal(0, 0.02, (3, 1)) + rng.normal(0, 0.1, 40)  # [seed, document]
    sizes = np.full(40, 1000)
    got = statistics.paired_difference(
      models(effects * sizes, sizes), models(0 * effects * sizes, sizes), resamples=300, seed=trial
    )
    low, high = got.interval
    covered.append(low <= 0.03 <= high)
    low, high = got.interval_items
    narrow.append(low <= 0.03 <= high)
  assert 0.93 <= np.mean(covered) <= 1.0
  assert np.mean(narrow) < np.mean(covered)


def test_interval_over_both_is_welchs():
  # Of two independent samples with these standard errors; scipy does not round their freedom down.
  rng = np.random.default_rng(6)
  items, seeds = rng.normal(0, 1, 12), rng.normal(0, 1, 5)
  wanted = stats.ttest_ind(items, seeds, equal_var=False).confidence_interval(0.95)
  difference = items.mean() - seeds.mean()
  got = statistics._over_both(difference, stats.sem(items), 12, stats.sem(seeds), 5, 0.95)
  assert got == pytest.approx((wanted.low, wanted.high), rel=0.03)
  assert got[0] <= wanted.low and got[1] >= wanted.high


def test_an_interval_over_both_needs_both():
  arm, baseline = simulated(np.random.default_rng(5), seeds=1)
  assert statistics.paired_difference(arm, baseline).interval is None
  one = models([[3.0], [4.0]], [10])
  assert statistics.paired_difference(one, one).interval is None


def test_interval_over_seeds_is_the_paired_t_interval():
  got = statistics.paired_difference(*simulated(np.random.default_rng(8), seeds=4), level=0.9)
  wanted = stats.ttest_1samp(got.per_seed, 0).confidence_interval(0.9)
  assert got.interval_seeds == pytest.approx((wanted.low, wanted.high), abs=1e-9)


def test_pairing_removes_the_difficulty_that_documents_share():
  arm, baseline = simulated(np.random.default_rng(2))
  low, high = statistics.paired_difference(arm, baseline).interval_items
  sizes = np.array([size for _, size in arm[0].values()])
  bits = np.array([bits for bits, _ in arm[0].values()])
  unpaired = 2 * 1.96 * np.sqrt(2) * np.std(bits / sizes) / np.sqrt(len(sizes))
  assert high - low < unpaired / 3


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(1, 3), st.sampled_from([0.8, 0.95]))
def test_swapping_the_arms_flips_every_sign_exactly(seed, documents, seeds, level):
  arm, baseline = simulated(np.random.default_rng(seed), documents=documents, seeds=seeds)
  one = statistics.paired_difference(arm, baseline, level=level, resamples=200)
  other = statistics.paired_difference(baseline, arm, level=level, resamples=200)
  assert one.difference == -other.difference
  assert one.per_seed == tuple(-x for x in other.per_seed)
  assert one.interval_items == tuple(-x for x in reversed(other.interval_items))
  if seeds > 1:
    assert one.interval_seeds == tuple(-x for x in reversed(other.interval_seeds))


def test_identical_arms_differ_by_nothing_whatever_the_order_of_documents():
  arm, _ = simulated(np.random.default_rng(3))
  shuffled = [dict(reversed(documents.items())) for documents in arm]
  got = statistics.paired_difference(arm, shuffled)
  assert (got.difference, got.interval_items, got.interval_seeds) == (0, (0, 0), (0, 0))
  assert got.per_seed == (0, 0)


def test_interval_does_not_mind_in_which_order_documents_were_scored():
  arm, baseline = simulated(np.random.default_rng(7))
  shuffled = [dict(reversed(documents.items())) for documents in arm]
  assert statistics.paired_difference(arm, baseline) == statistics.paired_difference(
    shuffled, baseline
  )


def test_difference_weighs_documents_by_bytes_and_averages_seeds():
  arm = models([[20.0, 30.0], [24.0, 30.0]], [10, 30])
  baseline = models([[10.0, 30.0], [12.0, 22.0]], [10, 30])
  got = statistics.paired_difference(arm, baseline, resamples=1000)
  assert got.per_seed == pytest.approx((0.25, 0.5))
  assert got.difference == pytest.approx(0.375)
  # Two documents: a resample is all of the one, all of the other, or both.
  assert got.interval_items == pytest.approx((4 / 30, 11 / 10))
  assert got.num_items == 2


def test_one_seed_or_one_document_leaves_its_interval_unknown():
  one_seed = statistics.paired_difference(*simulated(np.random.default_rng(4), seeds=1))
  assert one_seed.interval_seeds is None
  assert one_seed.interval_items is not None
  one_document = statistics.paired_difference(*simulated(np.random.default_rng(4), documents=1))
  assert one_document.interval_items is None


def test_interval_repeats_with_its_seed_and_widens_with_its_level():
  pair = simulated(np.random.default_rng(5))
  a, b, c = (statistics.paired_difference(*pair, seed=s) for s in (0, 0, 1))
  assert a == b != c
  wide = statistics.paired_difference(*pair, level=0.99)
  assert wide.interval_items[0] < a.interval_items[0]
  assert wide.interval_seeds[1] > a.interval_seeds[1]
  with pytest.raises(ValueError, match="is no share"):
    statistics.paired_difference(*pair, level=95)
  with pytest.raises(ValueError, match="draw more"):
    statistics.paired_difference(*pair, resamples=10)


@pytest.mark.parametrize(
  ("arm", "baseline", "message"),
  [
    ([{"a": (1.0, 2)}], [{"b": (1.0, 2)}], "'a' was not scored by seed 0 of the baseline"),
    (
      [{"a": (1.0, 2)}],
      [{"a": (1.0, 2), "b": (1.0, 2)}],
      "'b' was not scored by seed 0 of the arm",
    ),
    ([{"a": (1.0, 2)}], [{"a": (1.0, 3)}], "'a' is of size 3 in seed 0 of the baseline and"),
    (
      [{"a": (1.0, 2)}] * 2,
      [{"a": (1.0, 2)}, {"a": (float("nan"), 2)}],
      "'a' has nan in a size of 2",
    ),
    ([{"a": (0.0, 0)}], [{"a": (0.0, 0)}], "leave out what is empty"),
    ([{"a": (1.0, 2)}] * 2, [{"a": (1.0, 2)}], "2 seeds of the arm and 1 of the baseline"),
    ([], [], "at least one"),
    ([{}], [{}], "nothing held out was scored"),
  ],
)
def test_models_that_did_not_score_the_same_text_are_refused(arm, baseline, message):
  with pytest.raises(ValueError, match=message):
    statistics.paired_difference(arm, baseline)


def test_two_thousand_documents_take_less_than_a_second():
  arm, baseline = simulated(np.random.default_rng(6), documents=2000)
  start = time.process_time()
  statistics.paired_difference(arm, baseline)
  assert time.process_time() - start < 1


def test_groups_are_compared_by_their_means_and_intervals_cover_the_truth():
  rng = np.random.default_rng(1)
  covered = []
  for trial in range(200):
    values = rng.normal(3.0, 1.0, 120)
    lower = values - 0.5  # were it in the other group
    solved = [rng.random(120) < 0.4 for _ in range(2)]
    arm = [{f"p{i}": (lower[i], 1.0) for i in np.flatnonzero(one)} for one in solved]
    baseline = [{f"p{i}": (values[i], 1.0) for i in np.flatnonzero(~one)} for one in solved]
    got = statistics.difference_of_groups(arm, baseline, resamples=300, seed=trial)
    means = [
      np.mean([v for v, _ in a.values()]) - np.mean([v for v, _ in b.values()])
      for a, b in zip(arm, baseline, strict=True)
    ]
    assert got.per_seed == pytest.approx(means) and got.difference == pytest.approx(np.mean(means))
    assert got.num_items == 120
    low, high = got.interval_items
    covered.append(low <= -0.5 <= high)
  assert 0.90 < np.mean(covered) <= 0.99


def test_a_group_of_one_problem_and_groups_of_the_same_problems_have_intervals():
  one = statistics.difference_of_groups([{"a": (1.0, 1.0)}], [{"b": (3.0, 1.0), "c": (4.0, 1.0)}])
  assert one.difference == -2.5 and one.interval is None and one.interval_items is not None
  same = {name: (float(i), 1.0) for i, name in enumerate("abcd")}
  got = statistics.difference_of_groups([same, same], [same, same])
  assert got.difference == 0 and got.interval_items == (0.0, 0.0)


def test_groups_are_averaged_over_seeds():
  low, high = (dict.fromkeys("abcd", (value, 1.0)) for value in (1.0, 3.0))
  other = dict.fromkeys("efgh", (3.0, 1.0))
  got = statistics.difference_of_groups([high, low], [other, other])
  assert got.per_seed == (0.0, -2.0) and got.interval_items == (-1.0, -1.0)
