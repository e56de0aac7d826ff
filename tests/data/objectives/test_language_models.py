import collections
import dataclasses
import itertools

from hypothesis import given
import numpy as np
import pytest

from codegen_jax.data.objectives import CausalLM, PerFile, PrefixLM
from codegen_jax.errors import InputError
from tests.data.objectives import words
from tests.data.objectives.words import made, prefix_length, row


@given(words.documents(min_size=0), words.seeds)
def test_a_causal_lm_changes_nothing(documents, seed):
  got = CausalLM()(row(*documents), np.random.default_rng(seed))
  assert words.same(got, row(*documents)) and not got.changes
  assert got.loss_mask.all() and not got.prefix_mask.any()


@pytest.mark.parametrize("objective", [PrefixLM(), PrefixLM(scored=0.25)])
@given(body=words.bodies, seed=words.seeds)
def test_a_prefix_lm_is_a_prefix_and_then_what_is_scored(objective, body, seed):
  document = [0, *body, 1]
  got = made(objective, document, seed)
  assert 1 <= prefix_length(got) <= len(document) - 1
  assert got.loss_mask.tolist() == (~got.prefix_mask).tolist()
  assert got.tokens.tolist() == document
  assert got.segment_ids.tolist() == row(document).segment_ids.tolist()


def test_a_prefix_ends_anywhere_with_equal_chance():
  rng = np.random.default_rng(0)
  counts = collections.Counter(
    prefix_length(PrefixLM()(row([5, 0, 6, 7, 8]), rng)) for _ in range(2000)
  )
  words.assert_even(counts, [1, 2, 3, 4])


@pytest.mark.parametrize(
  ("scored", "lengths"),
  [
    (0.25, {2: 1, 4: 1, 8: 2, 12: 3, 100: 25}),
    (0.75, {2: 1, 4: 3, 8: 6, 12: 9, 100: 75}),
    (0.01, {2: 1, 100: 1, 1000: 10}),  # never nothing ...
    (0.99, {2: 1, 4: 3, 1000: 990}),  # ... and never all
  ],
)
def test_a_share_that_is_told_is_scored_whatever_is_drawn(scored, lengths):
  for (n, expected), seed in itertools.product(lengths.items(), range(3)):
    assert made(PrefixLM(scored=scored), [0] * n, seed).loss_mask.sum() == expected


@pytest.mark.parametrize(
  ("tokens", "prefix", "scored"), [([], [], []), ([0], [0], [1]), ([0, 0], [1, 0], [0, 1])]
)
@pytest.mark.parametrize("objective", [PrefixLM(), PrefixLM(scored=0.1), PerFile(PrefixLM())])
def test_the_shortest_documents_lose_nothing(objective, tokens, prefix, scored):
  for seed in range(5):
    got = made(objective, tokens, seed)
    assert got.tokens.tolist() == tokens
    assert (got.prefix_mask.tolist(), got.loss_mask.tolist()) == (prefix, scored)


def test_a_prefix_lm_scores_nothing_that_was_not_scored_before():
  example = dataclasses.replace(row([4, 5, 6]), loss_mask=np.array([True, True, False]))
  for seed in range(5):
    assert not PrefixLM()(example, np.random.default_rng(seed)).loss_mask[2]


@pytest.mark.parametrize("scored", [0.0, 1.0, -0.5, 1.5, float("nan")])
def test_a_share_that_leaves_no_prefix_or_nothing_to_learn_is_refused(scored):
  with pytest.raises(InputError, match=r"no prefix or nothing to learn; choose a share between"):
    PrefixLM(scored=scored)
