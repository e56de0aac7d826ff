"""The rule, at its borders."""

import pytest

from experiments import verdicts
from experiments.experiment import Finding

R, N, U = verdicts.REPRODUCED, verdicts.NOT_REPRODUCED, verdicts.NOT_DECIDED


def judged(claim, interval, better="higher", margin=0.1):
  finding = Finding("It is so.", "certain", "m", "a", "b", claim, margin)
  comparison = {
    "difference": sum(interval) / 2 if interval else 0.0,
    "interval": interval,
    "per_seed": (0.0, 0.0),
    "num_items": 30,
    "items": "document",
    "level": 0.95,
  }
  return verdicts.verdict(finding, comparison, better)[0]


@pytest.mark.parametrize(
  ("claim", "interval", "expected"),
  [
    ("better", (0.05, 0.3), R),
    ("better", (0.01, 0.1), R),  # what counts is just reached
    ("better", (0.01, 0.09), N),  # the right sign, and too small to count
    ("better", (-0.2, 0.05), N),
    ("better", (-0.3, -0.2), N),
    ("better", (-0.01, 0.2), U),
    ("worse", (-0.3, -0.05), R),
    ("worse", (0.05, 0.3), N),
    ("worse", (-0.2, 0.01), U),
    ("not better", (-0.2, 0.05), R),
    ("not better", (0.05, 0.3), N),
    ("not better", (-0.05, 0.3), U),
    ("same", (-0.09, 0.09), R),
    ("same", (0.02, 0.09), R),  # a difference that does not count
    ("same", (0.11, 0.3), N),
    ("same", (-0.3, -0.11), N),
    ("same", (0.05, 0.3), U),
    ("same", (-0.2, 0.2), U),
  ],
)
def test_the_rule(claim, interval, expected):
  assert judged(claim, interval) == expected
  # Where lower is better every sign turns.
  low, high = interval
  assert judged(claim, (-high, -low), better="lower") == expected


@pytest.mark.parametrize("claim", ["better", "worse", "not better", "same"])
def test_what_no_item_tells_apart_is_not_decided(claim):
  assert judged(claim, (0.0, 0.0)) == U


def test_one_seed_decides_nothing():
  assert judged("better", None) == U


def test_what_is_not_measured_at_a_scale_is_said_to_be_so():
  finding = Finding("It is so.", "certain", "m", "a", "b", "same", 0.1)
  assert verdicts.verdict(finding, None, "lower")[0] == verdicts.NOT_MEASURED
