"""A grid goes where the mask leaves something to read, and knows what needs no mask."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np

from codegen_jax.kernels import readers, walk
from codegen_jax.models import masks
from tests.tiny import packed

LENGTH = 16
documents = st.lists(
  st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
  min_size=1,
  max_size=4,
).filter(lambda drawn: sum(n for n, _ in drawn) <= LENGTH)


@given(
  documents,
  st.sampled_from([(2, 2), (4, 2), (2, 8), (4, 4)]),
  st.sampled_from(["causal", "prefix", "bidirectional"]),
)
def test_no_block_that_is_read_is_left_out_and_only_whole_ones_go_without_mask(
  drawn, sizes, attention
):
  lengths, prefixes = zip(*drawn, strict=True)
  row = packed(*[[7] * n for n in lengths], prefix=prefixes, length=LENGTH)
  mask = masks.training_mask(row, attention)
  intervals = readers.intervals(mask.segment_ids, mask.positions, mask.prefix_mask)
  blocks = walk.Blocks(*sizes)
  here = np.arange(LENGTH)
  dense = (intervals.reads_from[0][:, None] <= here) & (here < intervals.reads_until[0][:, None])
  shape = LENGTH // blocks.queries, blocks.queries, LENGTH // blocks.keys, blocks.keys
  by_blocks = np.asarray(dense).reshape(shape)
  is_read, is_whole = by_blocks.any(axis=(1, 3)), by_blocks.all(axis=(1, 3))

  for steps, read in (
    (walk.over_keys(intervals, blocks), is_read),
    (walk.over_queries(intervals, blocks), is_read.T),
  ):
    for outer, wanted in enumerate(read):
      inner = np.flatnonzero(wanted)
      assert steps.first[0, outer] == inner.min() and steps.last[0, outer] == inner.max()
    first = np.arange(shape[0])[:, None] * blocks.queries
    is_open = (steps.open_from[0] <= first) & (first + blocks.queries <= steps.open_until[0])
    np.testing.assert_array_equal(is_open, is_whole)
