"""Rows of documents that are not cut."""

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from codegen_jax.data import cut
from codegen_jax.data.objectives import CausalLM
from codegen_jax.data.rows import RowSource
from codegen_jax.errors import InputError
from tests.data import toy


def source(sizes: list[int]) -> RowSource:
  documents = {f"{n}.py": [n % toy.WORDS] * size for n, size in enumerate(sizes)}
  made = toy.ToySource("whole", {"train": documents})
  return RowSource(
    "whole", corpus="whole", splits={"train": made.reader("train")}, objective=CausalLM(),
    level="whole",
  )  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(0, 9), min_size=1, max_size=30), length=st.integers(10, 25))
def test_every_document_is_in_one_row_whole_and_no_row_could_take_the_next(sizes, length):
  rows = source(sizes)
  where = {"seed": 0, "epoch": 0, "length": length, "shuffle": False}
  seen = []
  held = []
  for number in range(rows.num_rows("train", length)):
    example = rows.example("train", row=number, **where)
    paths = rows.paths("train", row=number, **where)
    assert 0 < len(example.tokens) <= length
    assert example.segment_ids.max() == len(paths)
    assert (example.tokens == toy.EOS).sum() == len(paths)  # each whole, to its end
    seen += paths
    held.append(example.tokens)
  assert seen == [f"{n}.py" for n in range(len(sizes))]
  first_of_next = [np.flatnonzero(tokens == toy.EOS)[0] + 1 for tokens in held[1:]]
  assert all(len(t) + n > length for t, n in zip(held, first_of_next, strict=False))


def test_epochs_shuffle_rows():
  rows = source([4] * 40)
  where = {"seed": 0, "length": 10}
  orders = [
    [rows.paths("train", row=n, epoch=epoch, **where)[0] for n in range(20)] for epoch in (0, 1)
  ]
  assert orders[0] != orders[1] and sorted(orders[0]) == sorted(orders[1])


def test_a_document_longer_than_a_row_is_named():
  with pytest.raises(InputError, match=r"the task whole: 1.py has 13 tokens.*set SEQ_LEN to 13"):
    source([3, 12]).num_rows("train", 12)


def test_objectives_that_add_tokens_have_their_room():
  @dataclasses.dataclass(frozen=True)
  class Grows(CausalLM):
    def growth(self, num_tokens, documents=1):
      return 2

  store = toy.ToySource("grows", {"train": {f"{n}.py": [1] * 4 for n in range(6)}}).reader(
    "train"
  )()
  made = cut.whole_documents(store, 21, Grows())
  assert made.num_rows == 2 and made.tokens_per_row == 15  # three of 5 + 2 tokens
