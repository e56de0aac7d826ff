"""Numbers in words, by rule."""

import pytest

from experiments import wording
from tests.experiments.fake_results import comparison, metric


@pytest.mark.parametrize(
  ("changes", "better", "said"),
  [
    (
      {},
      "lower",
      "On held-out code the prefix arm needs 0.0500 bits per byte more than the causal",
    ),
    ({"difference": -0.02}, "lower", "needs 0.0200 bits per byte less than the causal arm"),
    ({"difference": 0.02}, "higher", "reaches 0.0200 bits per byte more than the causal arm"),
    ({"difference": 0.0}, "lower", "needs as many bits per byte as the causal arm"),
    ({}, "lower", "95% over 30 documents: +0.0400 to +0.0612; over 2 seeds: -0.0135 to +0.1135"),
    ({"level": 0.9}, "lower", "90% over 30 documents"),
  ],
)
def test_answer_follows_the_numbers(changes, better, said):
  assert said in wording.answer(comparison(**changes), metric(better=better))


def test_answer_names_the_metric_where_its_description_has_no_subject():
  got = wording.answer(comparison(), metric(description="bits, more or less"))
  assert got.startswith("By code/bits_per_byte the prefix arm")


OUT, BELOW, IN = (0.01, 0.02), (-0.02, -0.01), (-0.01, 0.02)


@pytest.mark.parametrize(
  ("over_documents", "over_seeds", "said"),
  [
    (OUT, OUT, "30 documents and outside that over 2 seeds; neither other documents nor"),
    (BELOW, BELOW, "30 documents and outside that over 2 seeds; neither other documents nor"),
    (OUT, IN, "outside the 95% interval over 30 documents and inside that over 2 seeds; other doc"),
    (IN, OUT, "inside the 95% interval over 30 documents and outside that over 2 seeds; other tra"),
    (IN, IN, "over 2 seeds; the sign is not settled"),
    (IN, None, "2 seeds cannot give an interval; the sign is not settled"),
    ((0.0, 0.1), IN, "the sign is not settled"),
    (
      None,
      OUT,
      "30 documents cannot give an interval and zero lies outside the 95% interval over 2",
    ),
  ],
)
def test_verdict_names_the_interval_and_where_zero_lies(over_documents, over_seeds, said):
  got = wording.verdict(comparison(interval_items=over_documents, interval_seeds=over_seeds))
  assert said in got


@pytest.mark.parametrize(
  ("value", "shown"),
  [(2.31, "2.3100"), (0.0, "0.0000"), (-0.05, "-0.0500"), (1.2e-5, "1.2e-05"), (None, "—")],
)
def test_number_never_rounds_a_small_value_to_zero(value, shown):
  assert wording.number(value) == shown
