"""A step's time, from a program that can be timed by hand."""

import pytest

from codegen_jax.plan import estimate, topology
from tests.plan.programs import CHAINED, TEXT

V4 = topology.parse("v4-8")  # 2x2x1
CHIP = V4.chip
GATHER = 128 * 64 * 2 * 3 / 4 / (2 * 2 * CHIP.link) + 2e-6  # four chips, two axes
SUM = 2 * 1024 * 1024 * 4 * 3 / 4 / (2 * 2 * CHIP.link) + 2e-6
PRODUCT = 2100 / CHIP.clock
SHARE, _ = estimate.ATTENTION_EFFICIENCY["v4"][64]
ATTENTION = 2 * 2 * 2 * 4 * 256 * 256 * 64 / 2 / (CHIP.flops * SHARE)
UNKNOWN = (1200 * 1000 * 4 + 128 * 64 * 2) / CHIP.memory_bandwidth


def test_every_kind_of_work_is_counted_as_often_as_it_runs():
  got = estimate.estimate(TEXT, V4)
  assert got.matmul_seconds == pytest.approx(3 * PRODUCT)
  assert got.attention_seconds == pytest.approx(ATTENTION)
  assert got.other_seconds == pytest.approx(UNKNOWN)
  assert got.collective_counts == {"all-gather": 3, "all-reduce": 1}
  assert got.collective_seconds["all-gather"] == pytest.approx(3 * GATHER)
  assert got.collective_seconds["all-reduce"] == pytest.approx(SUM)
  assert got.unknown == {"tpu_custom_call": 1}


def test_attention_that_reads_all_keys_takes_twice_as_long():
  got = estimate.estimate(TEXT, V4, causal=False)
  assert got.attention_seconds == pytest.approx(2 * ATTENTION)


def test_a_gather_runs_beside_the_product_and_a_sum_beside_nothing():
  got = estimate.estimate(TEXT, V4)
  rest = SUM + ATTENTION + UNKNOWN
  assert got.serial_seconds == pytest.approx(3 * (GATHER + PRODUCT) + rest)
  assert got.seconds == pytest.approx(3 * max(GATHER, PRODUCT) + rest)
  assert GATHER > PRODUCT  # so that a wait for the links is part of it
  assert got.exposed_seconds == pytest.approx(3 * (GATHER - PRODUCT) + SUM)


def test_a_longer_product_hides_the_gather():
  got = estimate.estimate(TEXT.replace('"2100"', '"210000"'), V4)
  assert got.exposed_seconds == pytest.approx(SUM)


def test_a_loop_without_a_known_end_is_told():
  got = estimate.estimate(TEXT.replace("constant(3)", "parameter(1)"), V4)
  assert got.unknown == {"loops": 1, "tpu_custom_call": 1}
  assert got.matmul_seconds == pytest.approx(PRODUCT)


def test_a_gather_inside_of_a_product_is_hidden_by_it_and_counted_once():
  chained = TEXT
  for old, new in CHAINED.items():
    assert old in chained
    chained = chained.replace(old, new)
  got, apart = estimate.estimate(chained, V4), estimate.estimate(TEXT, V4)
  assert got.collective_counts == apart.collective_counts
  assert got.seconds == pytest.approx(
    3 * max(GATHER, PRODUCT + 105 / CHIP.clock) + SUM + ATTENTION + UNKNOWN
  )
