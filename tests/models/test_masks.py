"""What may be read, drawn; and that nothing is scored which could be read."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from numpy.testing import assert_array_equal
import pytest

from codegen_jax.models import masks
from codegen_jax.types import Batch
from tests.tiny import grid, packed, stacked

LENGTH = 8
both_attentions = pytest.mark.parametrize("attention", ["causal", "prefix"])


def dense(batch: Batch, attention: masks.Attention) -> np.ndarray:
  return np.asarray(masks.training_mask(batch, attention).dense())


def test_causal_reads_itself_and_what_came_before():
  assert_array_equal(
    dense(packed([1, 2, 3, 4], prefix=2), "causal")[0],
    grid("""
      1 0 0 0
      1 1 0 0
      1 1 1 0
      1 1 1 1
    """),
  )


def test_prefix_is_open_and_documents_are_closed():
  assert_array_equal(
    dense(packed([1, 2, 3], [4, 5], prefix=2), "prefix")[0],
    grid("""
      1 1 0 0 0
      1 1 0 0 0
      1 1 1 0 0
      0 0 0 1 1
      0 0 0 1 1
    """),
  )


def test_documents_of_a_row_do_not_see_each_other():
  assert_array_equal(
    dense(packed([1, 2], [3, 4, 5]), "causal")[0],
    grid("""
      1 0 0 0 0
      1 1 0 0 0
      0 0 1 0 0
      0 0 1 1 0
      0 0 1 1 1
    """),
  )


@both_attentions
def test_padding_is_not_read(attention):
  # Padding reads padding, so that its softmax has something to be over; nobody reads the result.
  assert_array_equal(
    dense(packed([1, 2, 3], length=5, prefix=1), attention)[0],
    grid("""
      1 0 0 0 0
      1 1 0 0 0
      1 1 1 0 0
      0 0 0 1 1
      0 0 0 1 1
    """),
  )


def test_bidirectional_reads_all_of_its_document_and_no_other():
  assert_array_equal(
    dense(packed([1, 2, 3], [4, 5], prefix=1, length=6), "bidirectional")[0],
    grid("""
      1 1 1 0 0 0
      1 1 1 0 0 0
      1 1 1 0 0 0
      0 0 0 1 1 0
      0 0 0 1 1 0
      0 0 0 0 0 1
    """),
  )


def test_rows_of_a_batch_have_masks_of_their_own():
  got = dense(stacked(packed([1, 2, 3], prefix=3), packed([1], [2, 3])), "prefix")
  assert_array_equal(got[0], grid("1 1 1 \n 1 1 1 \n 1 1 1"))
  assert_array_equal(got[1], grid("1 0 0 \n 0 1 0 \n 0 1 1"))


def test_a_prefix_is_scored_only_where_it_ends():
  batch = packed([1, 2, 3, 4], [5, 6, 7], prefix=[3, 0])
  assert_array_equal(batch.loss_mask, grid("1 1 1 0  1 1 0"))
  assert_array_equal(masks.scored_targets(batch, "prefix"), grid("0 0 1 0  1 1 0"))
  assert_array_equal(masks.scored_targets(batch, "causal"), grid("1 1 1 0  1 1 0"))


def test_the_target_after_a_full_row_is_scored_though_its_position_is_in_the_prefix():
  # A document of L + 1 tokens fills a row: its last token is a target and never an input.
  batch = packed([1, 2, 3], prefix=3)
  batch = batch.replace(loss_mask=grid("1 1 1"))
  assert_array_equal(masks.scored_targets(batch, "prefix"), grid("0 0 1"))


@st.composite
def some_batches(draw, whole_prefixes: bool = True) -> Batch:
  """Rows of documents, prefixes and padding of all lengths, scored at random."""

  def row() -> Batch:
    cuts = draw(st.lists(st.integers(0, LENGTH), max_size=4))
    sizes = [n for n in np.diff(sorted({0, *cuts})).tolist() if n]
    prefix = [draw(st.integers(0, size)) for size in sizes]
    documents = [list(range(1, size + 1)) for size in sizes]
    batch = packed(*documents, prefix=prefix, length=LENGTH)
    coins = lambda: np.array([draw(st.lists(st.booleans(), min_size=LENGTH, max_size=LENGTH))])  # noqa: E731
    wanted = batch.loss_mask & coins()
    marked = batch.prefix_mask if whole_prefixes else (batch.segment_ids > 0) & coins()
    return batch.replace(loss_mask=wanted, prefix_mask=marked)

  return stacked(row(), row())


@both_attentions
@given(batch=some_batches())
def test_no_scored_target_is_visible(attention, batch):
  """Not at once, and not through what other positions have read, however deep the network."""
  reach = dense(batch, attention)
  for _ in range(LENGTH):
    reach = (reach.astype(int) @ reach.astype(int)) > 0
  scored = np.asarray(masks.scored_targets(batch, attention))
  for row, position in np.argwhere(scored[:, :-1]):
    assert not reach[row, position, position + 1]


@both_attentions
@given(batch=some_batches(whole_prefixes=False))
def test_every_wanted_target_is_scored_unless_it_is_visible(attention, batch):
  seen = dense(batch, attention)
  got = np.asarray(masks.scored_targets(batch, attention))
  for row, position in np.ndindex(got.shape):
    visible = position + 1 < LENGTH and seen[row, position, position + 1]
    assert got[row, position] == (batch.loss_mask[row, position] and not visible)


@given(batch=some_batches(whole_prefixes=False))
def test_bidirectional_attention_reads_its_documents_and_scores_what_was_asked_for(batch):
  same_document = batch.segment_ids[:, :, None] == batch.segment_ids[:, None, :]
  assert_array_equal(dense(batch, "bidirectional"), same_document)
  assert_array_equal(masks.scored_targets(batch, "bidirectional"), batch.loss_mask)


@given(batch=some_batches())
def test_causal_attention_loses_no_target(batch):
  assert_array_equal(masks.scored_targets(batch, "causal"), batch.loss_mask)


@both_attentions
@given(batch=some_batches(whole_prefixes=False))
def test_only_a_prefix_reads_ahead_and_nobody_reads_another_document(attention, batch):
  got = dense(batch, attention)
  for row, query, key in np.argwhere(got):
    assert batch.segment_ids[row, query] == batch.segment_ids[row, key]
    if key > query and batch.segment_ids[row, key]:
      assert attention == "prefix"
      assert batch.prefix_mask[row, query] and batch.prefix_mask[row, key]
  assert got[:, np.arange(LENGTH), np.arange(LENGTH)].all()
