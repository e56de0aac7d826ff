"""A mask as intervals is the mask."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from codegen_jax.kernels import readers
from codegen_jax.models import masks
from tests.tiny import packed

rows = st.lists(
  st.integers(1, 5).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
  min_size=1,
  max_size=4,
)


@given(rows, st.sampled_from(["causal", "prefix", "bidirectional"]))
def test_intervals_are_the_rows_and_columns_of_the_mask(documents, attention):
  lengths, prefixes = zip(*documents, strict=True)
  length = -(-sum(lengths) // 4) * 4  # from no padding to three; few lengths, as each is compiled
  row = packed(*[[7] * n for n in lengths], prefix=prefixes, length=length)
  mask = masks.training_mask(row, attention)
  got = readers.intervals(mask.segment_ids, mask.positions, mask.prefix_mask)
  dense = np.array(mask.dense()[0])
  dense[sum(lengths) :] = dense[:, sum(lengths) :] = False  # padding reads itself alone
  dense |= np.eye(length, dtype=bool) & (np.arange(length) >= sum(lengths))
  here = np.arange(length)
  reads = (got.reads_from[0][:, None] <= here) & (here < got.reads_until[0][:, None])
  read = (got.read_from[0] <= here[:, None]) & (here[:, None] < got.read_until[0])
  np.testing.assert_array_equal(reads, dense)
  np.testing.assert_array_equal(read, dense)


def test_the_picture():
  row = packed([1, 2, 3, 4], [5, 6], prefix=[2, 0])
  mask = masks.training_mask(row, "prefix")
  got = readers.intervals(mask.segment_ids, mask.positions, mask.prefix_mask)
  assert np.asarray(got.reads_from[0]).tolist() == [0, 0, 0, 0, 4, 4]
  assert np.asarray(got.reads_until[0]).tolist() == [2, 2, 3, 4, 5, 6]
  assert np.asarray(got.read_from[0]).tolist() == [0, 0, 2, 3, 4, 5]
  assert np.asarray(got.read_until[0]).tolist() == [4, 4, 4, 4, 6, 6]


@pytest.mark.parametrize("length", [1, 2])
def test_the_shortest_rows(length):
  row = packed([1] * length, prefix=1)
  mask = masks.training_mask(row, "prefix")
  got = readers.intervals(mask.segment_ids, mask.positions, mask.prefix_mask)
  assert np.asarray(got.reads_until[0]).tolist() == list(range(1, length + 1))
