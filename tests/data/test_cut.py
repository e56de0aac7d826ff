"""Where rows lie in a corpus, and how objectives are dealt out to them."""

from collections import Counter
import dataclasses
import itertools
import math
import pathlib

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from scipy import stats

from codegen_jax.data import token_store
from codegen_jax.data.cut import Cut, documents_in_a_row
from codegen_jax.data.objectives import CausalLM, Choose, SpanCorruption, UniformSpans
from codegen_jax.data.rows import RowSource
from codegen_jax.errors import InputError
from tasks import recipes
from tests.data import toy

VOCABULARY = toy.LONG_SOURCE.vocabulary


@dataclasses.dataclass(frozen=True)
class Card(CausalLM):
  """An objective that can be told from the others."""

  number: int


def cut(*strides: int, num_tokens: int) -> Cut:
  return Cut(tuple(map(Card, range(len(strides)))), strides, num_tokens)


def found(made: Cut, key: int = 0) -> list[tuple[int, slice]]:
  """The card and the place of each row."""
  rows = [made.find(row, key) for row in range(made.num_rows)]
  return [(objective.number, place) for objective, place in rows]


strides_of_a_deal = st.sampled_from([1, 2, 7]).flatmap(
  lambda size: st.lists(st.integers(1, 20), min_size=size, max_size=size)
)
hands = st.fractions(0, 6).filter(bool)  # the last one is seldom whole
keys = st.integers(0, 2**64 - 1)


@given(strides_of_a_deal, hands, keys)
def test_an_epoch_holds_every_token_once(strides, hands, key):
  made = cut(*strides, num_tokens=math.ceil(hands * sum(strides)))
  places = sorted((place.start, place.stop) for _, place in found(made, key))
  assert [start for start, _ in places] == [0, *(stop for _, stop in places[:-1])]
  assert places[-1][1] == made.num_tokens
  assert all(start < stop for start, stop in places)


@given(strides_of_a_deal, hands, keys)
def test_each_hand_holds_the_deal_and_each_row_its_objectives_stride(strides, hands, key):
  rows = found(cut(*strides, num_tokens=math.ceil(hands * sum(strides))), key)
  for hand in range(int(hands)):
    held = rows[hand * len(strides) : (hand + 1) * len(strides)]
    assert {number for number, _ in held} == set(range(len(strides)))
    assert all(place.stop - place.start == strides[number] for number, place in held)


def test_what_is_left_for_no_whole_hand_is_dealt_in_order_to_its_end():
  made = cut(5, 3, 4, num_tokens=2 * 12 + 5 + 1)
  assert found(made)[6:] == [(0, slice(24, 29)), (1, slice(29, 30))]
  assert found(cut(5, 3, num_tokens=8 + 5))[2:] == [(0, slice(8, 13))]
  assert found(cut(5, 3, num_tokens=8))[2:] == []
  assert found(cut(5, 3, num_tokens=1)) == [(0, slice(0, 1))]


@pytest.mark.parametrize("size", [2, 3, 7])
def test_every_card_is_as_often_the_first_and_no_hand_tells_the_next(size):
  hands, key = 7000, 1
  made = cut(*range(1, size + 1), num_tokens=hands * size * (size + 1) // 2)
  numbers = np.array([number for number, _ in found(made, key)]).reshape(hands, size)
  first = np.bincount(numbers[:, 0], minlength=size)
  after = np.bincount(numbers[:-1, 0] * size + numbers[1:, 0], minlength=size**2)
  orders = Counter(map(tuple, numbers.tolist()))
  assert stats.chisquare(first).pvalue > 1e-3
  assert stats.chisquare(after).pvalue > 1e-3
  if size < 7:
    every = [orders[order] for order in itertools.permutations(range(size))]
    assert stats.chisquare(every).pvalue > 1e-3


def test_epochs_seeds_and_tasks_deal_anew():
  def dealt(task: str, seed: int, epoch: int) -> tuple:
    source = toy.source(task)
    cut = source.cut("train", 16)
    where = {"seed": seed, "epoch": epoch, "length": 16, "shuffle": False}
    rows = range(cut.num_rows // 7 * 7)
    return tuple(source.place("train", row=row, **where).start for row in rows)

  wheres = itertools.product(["toy_long_ul2", "toy_long_ul2_epochs_5"], [0, 1], [0, 1])
  orders = [dealt(*where) for where in wheres]
  assert len(set(orders)) == len(orders) == 8
  assert dealt("toy_long_ul2", 0, 0) == orders[0]


# What an objective leaves room for.


ALL = recipes.recipes(VOCABULARY)


@pytest.mark.parametrize("length", [2, 3, 8, 32, 33, 200])
@pytest.mark.parametrize("recipe", ALL)
def test_a_row_leaves_the_room_that_its_objective_usually_needs_and_no_more(recipe, length):
  source = toy.source(f"toy_long_{recipe}")
  try:
    cut = source.cut("train", length)
  except InputError as error:
    assert length == 200 and "masks" in str(error)  # of which the toy has 8
    return
  documents = documents_in_a_row(source.store("train"), length)
  assert len(cut.deal) == len(cut.strides)
  for objective, stride in zip(cut.deal, cut.strides, strict=True):
    assert length // 2 <= stride <= length
    if stride > length // 2:
      assert stride + objective.growth(stride, documents) <= length
    if stride < length:
      assert stride + 1 + objective.growth(stride + 1, documents) > length


def test_objectives_that_add_nothing_fill_their_rows():
  for recipe, strides in {"clm": (32,), "mlm": (32,), "prefix_lm": (32,)}.items():
    assert toy.source(f"toy_long_{recipe}").cut("train", 32).strides == strides
  assert toy.source("toy_long_codegen2").cut("train", 32).strides == (32, 16)


def source(objective, level="context") -> RowSource:
  store = lambda: toy.source("toy_long_clm").store("train")  # noqa: E731
  return RowSource(
    "toy_named", corpus="toy_long", splits={"train": store}, objective=objective, level=level
  )


@pytest.mark.parametrize("level", ["context", "document"])
@pytest.mark.parametrize("deal", [False, True], ids=["alone", "dealt"])
def test_an_objective_that_cannot_work_on_such_rows_is_told_with_its_task(deal, level):
  objective = SpanCorruption(VOCABULARY, UniformSpans(ratio=(0.5, 0.5), lengths=(1, 1)))
  if deal:
    objective = Choose((CausalLM(), objective), (0.5, 0.5))
  with pytest.raises(InputError, match=r"^the task toy_named: UniformSpans.* 8 masks; choose"):
    source(objective, level).cut("train", 64)


@pytest.mark.parametrize("epochs", [0, -1])
def test_a_corpus_that_is_never_read_is_refused(epochs):
  with pytest.raises(InputError, match=rf"task toy .*epochs={epochs}.* is read once or more"):
    RowSource("toy", corpus="toy", splits={}, objective=CausalLM(), epochs=epochs)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=12), st.integers(1, 40))
def test_19_of_20_rows_hold_no_more_documents_than_are_counted_on(sizes, length):
  offsets = np.array([0, *itertools.accumulate(size + 1 for size in sizes)])  # with their ends
  owner = np.repeat(np.arange(len(sizes)), np.diff(offsets))
  n = len(owner)
  held = [
    len(set(owner[start : start + length].tolist())) for start in range(max(n - length, 0) + 1)
  ]
  told = {"fingerprint": "", "vocab_size": 2, "eos_id": 1}
  store = token_store.TokenStore(pathlib.Path(), np.zeros(n, np.uint16), offsets, **told)
  got = documents_in_a_row(store, length)
  assert got in held
  assert sum(count <= got for count in held) >= 0.95 * len(held)
  assert sum(count < got for count in held) < 0.95 * len(held) + 1  # and no more than need be
