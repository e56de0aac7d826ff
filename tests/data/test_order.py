from collections import Counter
from fractions import Fraction
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from codegen_jax.data import order

keys = st.integers(0, 2**64 - 1)


def epoch(size: int, key: int) -> list[int]:
  return [order.permuted(index, size, key) for index in range(size)]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 15, 16, 17, 63, 64, 65, 128, 256, 257])
@settings(max_examples=20)
@given(key=keys)
def test_an_epoch_visits_every_place_once(size, key):
  assert sorted(epoch(size, key)) == list(range(size))


def test_a_place_in_a_huge_epoch_costs_no_memory():
  places = {order.permuted(index, 10**15, key=1) for index in range(100)}
  assert len(places) == 100 and max(places) < 10**15


def test_every_key_is_another_order():
  assert len({tuple(epoch(50, key)) for key in range(100)}) == 100


def test_no_order_of_three_is_out_of_reach():
  got = {tuple(epoch(3, order.stable_hash(key))) for key in range(200)}
  assert got == set(itertools.permutations(range(3)))


@pytest.mark.parametrize("size", [1000, 1024])
def test_an_epoch_looks_shuffled(size):
  orders = np.array([epoch(size, order.stable_hash(key)) for key in range(20)])
  # A shuffled place lies size / 3 from home on average, with a deviation of size / sqrt(18).
  distance = np.abs(orders - np.arange(size)).mean() / size
  assert abs(distance - 1 / 3) < 5 / (18 * orders.size) ** 0.5
  # One pair an epoch follows each other by chance, and one place stays where it was.
  assert (np.diff(orders) == 1).sum() < 20 + 5 * 20**0.5
  assert (orders == np.arange(size)).sum() < 20 + 5 * 20**0.5


rates = st.lists(st.integers(1, 40), min_size=1, max_size=6).map(
  lambda parts: [Fraction(part, sum(parts)) for part in parts]
)


@given(rates)
def test_the_rows_of_each_task_count_up_without_gaps(rates):
  seen = Counter()
  for index in range(300):
    task, row = order.locate(index, rates)
    assert row == seen[task]
    seen[task] += 1


@given(st.fractions(Fraction(1, 50), Fraction(49, 50)), st.integers(0, 200), st.integers(0, 200))
def test_every_stretch_holds_two_tasks_at_their_rates(rate, start, length):
  stretch = [order.locate(start + i, [rate, 1 - rate])[0] for i in range(length)]
  assert abs(stretch.count(0) - rate * length) < 1


@given(rates, st.integers(0, 200), st.integers(0, 200))
def test_every_stretch_holds_many_tasks_at_about_their_rates(rates, start, length):
  stretch = [order.locate(start + i, rates)[0] for i in range(length)]
  for task, rate in enumerate(rates):
    assert abs(stretch.count(task) - rate * length) < 3  # six tasks are halved three times


@given(rates, st.integers(0, 300))
def test_rows_are_counted_as_they_are_located(rates, total):
  located = Counter(order.locate(index, rates)[0] for index in range(total))
  assert order.counts(total, rates) == [located[task] for task in range(len(rates))]


def test_two_tasks_alternate_at_two_to_one():
  places = [order.locate(index, [Fraction(2, 3), Fraction(1, 3)]) for index in range(6)]
  assert " ".join(f"{'ab'[task]}{row}" for task, row in places) == "a0 a1 b0 a2 a3 b1"


def test_a_hash_is_the_same_in_every_process_and_tells_its_parts_apart():
  assert order.stable_hash("a", 1) == 408074298725870688
  assert order.stable_hash("ab", "c") != order.stable_hash("a", "bc")


def test_no_two_rows_share_their_noise():
  where = itertools.product([0, 1, 2**32 - 1], ["a", "b"], [0, 1, 2], [0, 1, 2, 2**32, 2**33])
  draws = [
    order.generator(seed=seed, task=task, epoch=epoch, row=row).integers(2**62)
    for seed, task, epoch, row in where
  ]
  assert len(set(draws)) == len(draws) == 90


def test_the_same_row_has_the_same_noise():
  again = [order.generator(seed=1, task="a", epoch=2, row=3).random(4).tolist() for _ in range(2)]
  assert again[0] == again[1]
