import collections
import dataclasses
import itertools

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from codegen_jax.data.objectives import CausalLM, Example, PerFile, PrefixLM

documents = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), min_size=1, max_size=5)
generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def row(*documents) -> Example:
  tokens = [token for document in documents for token in document]
  segments = [number for number, document in enumerate(documents, 1) for _ in document]
  return Example.plain(np.array(tokens, int), np.array(segments, int))


def lists(example: Example) -> dict[str, list]:
  return {name: value.tolist() for name, value in vars(example).items()}


def prefixes(example: Example) -> list[list[bool]]:
  """The prefix mask, document by document."""
  pairs = zip(example.segment_ids, example.prefix_mask.tolist(), strict=True)
  return [[open_ for _, open_ in group] for _, group in itertools.groupby(pairs, lambda p: p[0])]


def assert_even(counts: collections.Counter, outcomes) -> None:
  """Every outcome is as frequent as the others, to within five standard deviations."""
  n, p = counts.total(), 1 / len(outcomes)
  assert set(counts) == set(outcomes)
  assert max(abs(count - n * p) for count in counts.values()) < 5 * (n * p * (1 - p)) ** 0.5


@given(documents, generators)
def test_a_causal_lm_changes_nothing(documents, rng):
  got = lists(CausalLM()(row(*documents), rng))
  assert got == lists(row(*documents))
  assert all(got["loss_mask"]) and not any(got["prefix_mask"])


@given(st.lists(st.integers(0, 3), min_size=2, max_size=9), generators)
def test_a_prefix_lm_is_a_prefix_and_then_what_is_scored(tokens, rng):
  got = PrefixLM()(row(tokens), rng)
  split = got.prefix_mask.sum()
  assert 1 <= split <= len(tokens) - 1
  assert got.prefix_mask.tolist() == [True] * split + [False] * (len(tokens) - split)
  assert got.loss_mask.tolist() == [False] * split + [True] * (len(tokens) - split)
  assert (got.tokens.tolist(), set(got.segment_ids)) == (tokens, {1})


def test_a_prefix_ends_anywhere_with_equal_chance():
  rng = np.random.default_rng(0)
  counts = collections.Counter(
    int(PrefixLM()(row([5, 0, 6, 7, 8]), rng).prefix_mask.sum()) for _ in range(4000)
  )
  assert_even(counts, [1, 2, 3, 4])


@pytest.mark.parametrize(
  ("tokens", "prefix", "scored"), [([], [], []), ([0], [0], [1]), ([0, 0], [1, 0], [0, 1])]
)
@pytest.mark.parametrize("objective", [PrefixLM(), PerFile(PrefixLM())])
def test_the_shortest_documents_lose_nothing(objective, tokens, prefix, scored):
  for seed in range(5):
    got = objective(row(tokens), np.random.default_rng(seed))
    assert got.tokens.tolist() == tokens
    assert (got.prefix_mask.tolist(), got.loss_mask.tolist()) == (prefix, scored)


def test_a_prefix_lm_scores_nothing_that_was_not_scored_before():
  example = dataclasses.replace(row([4, 5, 6]), loss_mask=np.array([True, True, False]))
  for seed in range(5):
    assert not PrefixLM()(example, np.random.default_rng(seed)).loss_mask[2]


@given(documents, generators)
def test_per_file_gives_every_document_a_prefix_of_its_own(documents, rng):
  got = PerFile(PrefixLM())(row(*documents), rng)
  assert got.tokens.tolist() == row(*documents).tokens.tolist()
  assert got.segment_ids.tolist() == row(*documents).segment_ids.tolist()
  assert (got.loss_mask == ~got.prefix_mask).all()
  assert [len(mask) for mask in prefixes(got)] == [len(document) for document in documents]
  for mask in prefixes(got):
    assert mask == sorted(mask, reverse=True)
    assert 1 <= sum(mask) < len(mask) or mask == [False]


def test_the_noise_of_one_document_says_nothing_about_the_next():
  rng = np.random.default_rng(0)
  counts: collections.Counter = collections.Counter()
  for _ in range(4000):
    counts[tuple(map(sum, prefixes(PerFile(PrefixLM())(row([1, 2, 3], [4, 5, 6]), rng))))] += 1
  assert_even(counts, list(itertools.product([1, 2], [1, 2])))


def test_per_file_takes_documents_of_new_lengths_in_their_order():
  def twice(example: Example, rng: np.random.Generator) -> Example:
    return Example(**{name: value.repeat(2) for name, value in vars(example).items()})

  got = PerFile(twice)(row([7, 0], [8], [0, 9]), np.random.default_rng(0))
  assert got.tokens.tolist() == [7, 7, 0, 0, 8, 8, 0, 0, 9, 9]
  assert got.segment_ids.tolist() == [1, 1, 1, 1, 2, 2, 3, 3, 3, 3]
