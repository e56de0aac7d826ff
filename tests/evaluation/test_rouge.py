"""ROUGE as F1 of words, pairs and subsequences."""

import pytest

from codegen_jax.evaluation import rouge


@pytest.mark.parametrize(
  ("reference", "answer", "expected"),
  [
    ("the cat sat", "the cat sat", (1.0, 1.0, 1.0)),
    ("the cat sat", "a dog ran", (0.0, 0.0, 0.0)),
    ("the cat sat", "", (0.0, 0.0, 0.0)),
    # Two of three and of four words, one of two and of three pairs; the order breaks one.
    ("the cat sat", "cat the sat down", (6 / 7, 0.0, 4 / 7)),
    ("the cat sat", "The cat, it sat!", (6 / 7, 2 / 5, 6 / 7)),
    ("his policies failed", "a policy fails", (2 / 3, 1 / 2, 2 / 3)),  # of one stem
  ],
)
def test_shares_are_counted_by_hand(reference, answer, expected):
  scores = rouge.score(reference, answer)
  assert tuple(scores) == rouge.METRICS
  assert tuple(scores.values()) == pytest.approx(expected)
