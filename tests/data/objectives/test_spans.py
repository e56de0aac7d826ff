"""How many spans, how long and where: as often as each policy says, and never one at another."""

import collections
import itertools
import math

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from codegen_jax.data.objectives import FixedMeanSpans, PoissonSpans, UniformSpans
from codegen_jax.data.objectives.spans import Spans
from codegen_jax.errors import InputError
from tests.data.objectives import words

EXACT = [  # those that take out a share of the tokens that is told
  UniformSpans((0.15, 0.15)),
  UniformSpans((0.5, 0.5), (2, 5)),
  UniformSpans((0.9, 0.9), (1, 2)),
  FixedMeanSpans(0.15, 3.0),
  FixedMeanSpans(0.5, 8.0),
  FixedMeanSpans(0.9, 1.0),
]
EVERY = [UniformSpans(), *EXACT, PoissonSpans(), PoissonSpans(6.0)]
every_policy = pytest.mark.parametrize("policy", EVERY, ids=str)
ALL = 10**6


def draw(policy, n: int, seed: int, most: int = ALL) -> Spans:
  return policy(n, np.random.default_rng(seed), most=most)


def placed(spans: Spans) -> tuple[tuple[int, int], ...]:
  return tuple(zip(spans.starts.tolist(), spans.lengths.tolist(), strict=True))


def frequencies(policy, n: int, draws: int = 2000) -> collections.Counter:
  rng = np.random.default_rng(0)
  return collections.Counter(placed(policy(n, rng, most=ALL)) for _ in range(draws))


@every_policy
@given(n=st.integers(2, 80), most=st.integers(1, 9), seed=words.seeds)
def test_spans_lie_inside_apart_and_are_no_more_than_asked_for(policy, n, most, seed):
  spans = placed(draw(policy, n, seed, most))
  assert 1 <= len(spans) <= most
  assert min(length for _, length in spans) >= 1
  assert spans[0][0] >= 0 and sum(spans[-1]) <= n
  for (start, length), (following, _) in itertools.pairwise(spans):
    assert start + length < following  # a token stays between them


@every_policy
@given(n=st.integers(2, 80), most=st.integers(1, 9), seed=words.seeds)
def test_all_spans_are_those_of_a_row_without_end(policy, n, most, seed):
  free, got = draw(policy, n, seed), draw(policy, n, seed, most)
  if got.all:
    assert placed(got) == placed(free) and free.all
  elif not isinstance(policy, PoissonSpans):  # whose candidates may be fewer than it looks for
    assert len(got.starts) == most < len(free.starts) or not free.all


@pytest.mark.parametrize("policy", EXACT, ids=str)
@given(n=st.integers(2, 300), seed=words.seeds)
def test_the_masked_tokens_are_the_share_of_all_to_a_token(policy, n, seed):
  ratio = policy.ratio if isinstance(policy, FixedMeanSpans) else policy.ratio[0]
  masked, got = min(max(round(n * ratio), 1), n - 1), draw(policy, n, seed)
  if got.all:
    assert got.lengths.sum() == masked
  else:  # so many short ones have no tokens between them
    assert isinstance(policy, UniformSpans) and len(got.starts) == n - masked + 1


# CodeGen2's.


def test_the_share_that_is_masked_is_uniform_over_its_range():
  policy, rng = UniformSpans((0.1, 0.3)), np.random.default_rng(0)
  counts = collections.Counter(int(policy(100, rng, most=ALL).lengths.sum()) for _ in range(2000))
  halves = {10: 0.025, 30: 0.025}  # what rounds to an end comes from one side
  words.assert_frequent(counts, dict.fromkeys(range(11, 30), 0.05) | halves)


def test_spans_are_as_often_of_every_length_but_for_one_that_is_cut():
  policy, rng, draws, counts = (
    UniformSpans((0.5, 0.5), (3, 6)),
    np.random.default_rng(0),
    25,
    [0] * 7,
  )
  for _ in range(draws):
    lengths = policy(4000, rng, most=ALL).lengths.tolist()
    assert sum(length < 3 for length in lengths) <= 1 and max(lengths) <= 6
    for length in lengths:
      counts[length] += 1
  n = sum(counts)
  assert n > 10_000
  for length in (3, 4, 5, 6):
    assert abs(counts[length] - n / 4) < 5 * (n * 3 / 16) ** 0.5 + draws


def covering(masked: int, longest: int) -> list[tuple[tuple[int, ...], float]]:
  """Lengths from 1 to longest, drawn until they cover so many tokens, the last one cut to fit."""
  if not masked:
    return [((), 1.0)]
  return [
    ((first, *rest), p / longest)
    for length in range(1, longest + 1)
    for first in [min(length, masked)]
    for rest, p in covering(masked - first, longest)
  ]


def placements(lengths: tuple[int, ...], n: int) -> list[tuple[tuple[int, int], ...]]:
  """Every way to place spans of these lengths in this order, with a token between any two."""
  ways = (
    tuple(zip(starts, lengths, strict=True))
    for starts in itertools.combinations(range(n), len(lengths))
  )
  return [
    spans
    for spans in ways
    if sum(spans[-1]) <= n and all(sum(a) < b[0] for a, b in itertools.pairwise(spans))
  ]


@pytest.mark.parametrize(("n", "masked", "longest"), [(6, 3, 2), (7, 3, 3), (8, 4, 4)])
def test_every_order_and_every_placement_is_equally_likely(n, masked, longest):
  shares = collections.Counter()
  for lengths, p in covering(masked, longest):
    for order in itertools.permutations(lengths):
      ways = placements(order, n)
      for way in ways:
        shares[way] += p / math.factorial(len(lengths)) / len(ways)
  policy = UniformSpans((masked / n, masked / n), (1, longest))
  words.assert_frequent(frequencies(policy, n), shares)


def test_spans_that_are_left_out_are_any_of_them():
  policy, rng, counts = (
    UniformSpans((0.5, 0.5), (1, 2)),
    np.random.default_rng(0),
    collections.Counter(),
  )
  for _ in range(2000):
    counts[placed(policy(6, rng, most=1))] += 1
  # Of 3 masked tokens in spans of 1 or 2, one span is kept: 1 long in 1/8 + 1/8 + 3/8 of all draws.
  shares = {length: p / (7 - length) for length, p in {1: 5 / 8, 2: 3 / 8}.items()}
  words.assert_frequent(
    counts,
    {((start, length),): shares[length] for length in shares for start in range(7 - length)},
  )


# T5's.


@pytest.mark.parametrize(
  ("ratio", "mean", "n", "masked", "count"),
  [
    (0.15, 3.0, 512, 77, 26),
    (0.15, 8.0, 512, 77, 10),
    (0.5, 3.0, 512, 256, 85),
    (0.5, 64.0, 512, 256, 4),
    (0.15, 64.0, 512, 77, 1),
    (0.15, 3.0, 2, 1, 1),  # never none ...
    (0.9, 3.0, 2, 1, 1),  # ... and never all
    (0.9, 1.0, 10, 9, 1),  # no more spans than tokens between them
  ],
)
def test_counts_follow_from_the_length(ratio, mean, n, masked, count):
  for seed in range(3):
    got = draw(FixedMeanSpans(ratio, mean), n, seed)
    assert (got.lengths.sum(), len(got.starts), got.all) == (masked, count, True)
  assert FixedMeanSpans(ratio, mean).usual(n) == count


@pytest.mark.parametrize(("ratio", "mean"), [(0.4, 1.5), (0.6, 2.0), (0.25, 1.0)])
def test_every_mask_that_begins_with_a_token_and_ends_with_a_span_is_equally_likely(ratio, mean):
  n, policy = 8, FixedMeanSpans(ratio, mean)
  masked, count = round(n * ratio), round(round(n * ratio) / mean)
  every = [
    spans
    for mask in itertools.product([False, True], repeat=n)
    if not mask[0] and mask[-1] and sum(mask) == masked and len(spans := runs(mask)) == count
  ]
  words.assert_even(frequencies(policy, n), every)


def runs(mask: tuple[bool, ...]) -> tuple[tuple[int, int], ...]:
  """Start and length of each run of True."""
  groups = [
    [i for i, _ in run]
    for masked, run in itertools.groupby(enumerate(mask), lambda p: p[1])
    if masked
  ]
  return tuple((run[0], len(run)) for run in groups)


@given(n=st.integers(2, 300), most=st.integers(1, 9), seed=words.seeds)
def test_fewer_spans_of_a_fixed_share_are_longer_ones(n, most, seed):
  policy = FixedMeanSpans(0.5, 2.0)
  got = draw(policy, n, seed, most)
  assert got.lengths.sum() == draw(policy, n, seed).lengths.sum()
  assert got.all == (policy.usual(n) <= most)


# InCoder's.


@pytest.mark.parametrize("mean", [1.0, 2.5])
def test_the_number_of_spans_is_poissons_without_0(mean):
  # `all` tells how many were drawn: those that are found apart from each other may be fewer.
  policy, rng, n = PoissonSpans(mean), np.random.default_rng(0), 3000
  for most in (1, 2, 3):
    p = sum(mean**k / math.factorial(k) for k in range(1, most + 1)) / (math.exp(mean) - 1)
    got = sum(policy(50, rng, most=most).all for _ in range(n))
    assert abs(got - n * p) < 5 * (n * p * (1 - p)) ** 0.5


def test_a_single_span_lies_between_any_two_points():
  policy, rng = PoissonSpans(), np.random.default_rng(0)
  counts = collections.Counter(placed(policy(4, rng, most=1))[0] for _ in range(2000))
  every = itertools.combinations(range(5), 2)
  words.assert_even(counts, [(start, stop - start) for start, stop in every])


def test_several_spans_are_found_in_a_long_document():
  policy, rng = PoissonSpans(6.0), np.random.default_rng(0)
  got = [len(policy(1000, rng, most=ALL).starts) for _ in range(200)]
  assert max(got) >= 6 and len(set(got)) >= 5


# Room for them.


@every_policy
@pytest.mark.parametrize("n", [2, 10, 100, 1000])
def test_usual_is_enough_for_19_of_20_documents(policy, n):
  rng, usual = np.random.default_rng(0), policy.usual(n)
  enough = sum(len(policy(n, rng, most=ALL).starts) <= usual for _ in range(400))
  assert enough >= 380


@pytest.mark.parametrize("policy", EXACT[:2], ids=str)
def test_usual_is_no_more_than_the_spans_of_some_document(policy):
  rng = np.random.default_rng(0)
  assert policy.usual(1000) <= max(len(policy(1000, rng, most=ALL).starts) for _ in range(400))


@pytest.mark.parametrize(
  ("make", "message"),
  [
    (lambda: UniformSpans((0.0, 0.5)), r"mask ratio \(0.0, 0.5\); it must lie between 0 and 1"),
    (lambda: UniformSpans((0.5, 1.0)), "at 0 nothing is learnt and at 1 nothing is left to read"),
    (lambda: UniformSpans((0.5, 0.2)), r"mask ratio \(0.5, 0.2\)"),
    (lambda: UniformSpans((float("nan"), 0.2)), r"mask ratio \(nan, 0.2\)"),
    (lambda: UniformSpans(lengths=(0, 4)), "spans of 0 to 4 tokens; give the shortest, at least 1"),
    (lambda: UniformSpans(lengths=(5, 4)), "spans of 5 to 4 tokens"),
    (lambda: FixedMeanSpans(0.0), "FixedMeanSpans has the mask ratio 0.0; it must lie between"),
    (lambda: FixedMeanSpans(1.0), "at 0 nothing is learnt and at 1 nothing is left to read"),
    (lambda: FixedMeanSpans(mean=0.5), "spans of 0.5 tokens; the mean is 1 or more"),
    (lambda: PoissonSpans(0.0), "a mean of 0.0 spans; give a positive one"),
    (lambda: PoissonSpans(-1.0), "a mean of -1.0 spans"),
    (lambda: PoissonSpans(100.0), "a mean of 100.0 spans; give a positive one, near 1"),
  ],
)  # fmt: skip
def test_settings_that_leave_nothing_to_learn_or_to_read_are_refused(make, message):
  with pytest.raises(InputError, match=message):
    make()
