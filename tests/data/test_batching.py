import dataclasses

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from codegen_jax.data import batching
from codegen_jax.data.objectives import Example
from codegen_jax.errors import InputError

LETTERS = ".abcdef"


def row(*documents, scored=None, prefix=None) -> Example:
  """Documents of letters or of ids; . is id 0."""
  ids = [
    [LETTERS.index(x) if isinstance(x, str) else x for x in document] for document in documents
  ]
  tokens = np.array([token for document in ids for token in document], int)
  segments = np.array([number for number, document in enumerate(ids, 1) for _ in document], int)
  masks = {"loss_mask": scored, "prefix_mask": prefix}
  given = {name: np.array(mask, bool) for name, mask in masks.items() if mask is not None}
  return dataclasses.replace(Example.plain(tokens, segments), **given)


def drawn(batch) -> dict[str, str]:
  """Each field of a batch of one, as in the pictures."""
  letters = {"inputs", "targets"}
  return {
    name: " ".join(LETTERS[x] if name in letters else str(int(x)) for x in getattr(batch, name)[0])
    for name in batching.FIELDS
  }


def test_each_token_is_paired_with_its_successor_in_its_document():
  assert drawn(batching.to_row(row("abc", "de"), 6)) == {
    "inputs":        "a b c d e .",
    "targets":       "b c . e . .",
    "loss_mask":     "1 1 0 1 0 0",
    "prefix_mask":   "0 0 0 0 0 0",
    "segment_ids":   "1 1 1 2 2 0",
    "positions":     "0 1 2 0 1 0",
  }  # fmt: skip


def test_without_separation_a_row_is_one_document():
  assert drawn(batching.to_row(row("abc", "de"), 6, separate_documents=False)) == {
    "inputs":        "a b c d e .",
    "targets":       "b c d e . .",
    "loss_mask":     "1 1 1 1 0 0",
    "prefix_mask":   "0 0 0 0 0 0",
    "segment_ids":   "1 1 1 1 1 0",
    "positions":     "0 1 2 3 4 0",
  }  # fmt: skip


def test_masks_speak_of_tokens_the_loss_of_the_place_that_predicts_one():
  example = row("abcd", "ef", scored=[0, 0, 1, 1, 1, 0], prefix=[1, 1, 0, 0, 0, 0])
  assert drawn(batching.to_row(example, 7)) == {
    "inputs":        "a b c d e f .",
    "targets":       "b c d . f . .",
    "loss_mask":     "0 1 1 0 0 0 0",
    "prefix_mask":   "1 1 0 0 0 0 0",
    "segment_ids":   "1 1 1 1 2 2 0",
    "positions":     "0 1 2 3 0 1 0",
  }  # fmt: skip


@pytest.mark.parametrize("separate", [True, False])
def test_answers_are_targets_in_their_own_places(separate):
  example = dataclasses.replace(
    row("a.c", "de", scored=[0, 1, 0, 0, 1]), answers=np.array([1, 2, 3, 4, 6])
  )
  assert drawn(batching.to_row(example, 6, separate_documents=separate)) == {
    "inputs":        "a . c d e .",
    "targets":       "a b c d f .",
    "loss_mask":     "0 1 0 0 1 0",
    "prefix_mask":   "0 0 0 0 0 0",
    "segment_ids":   "1 1 1 2 2 0" if separate else "1 1 1 1 1 0",
    "positions":     "0 1 2 0 1 0" if separate else "0 1 2 3 4 0",
  }  # fmt: skip


documents = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=5), min_size=1, max_size=4)


@given(documents, st.integers(0, 3), st.booleans())
def test_nothing_is_lost_and_padding_is_silent(documents, padding, separate):
  n = sum(map(len, documents))
  got = batching.to_row(row(*documents), n + padding, separate_documents=separate)
  if not separate:
    documents = [[token for document in documents for token in document]]
  begin = 0
  for number, document in enumerate(documents, 1):
    where = (0, slice(begin, begin + len(document)))
    assert got.inputs[where].tolist() == document
    assert got.targets[where].tolist() == [*document[1:], 0]
    assert got.loss_mask[where].tolist() == [*[True] * (len(document) - 1), False]
    assert got.positions[where].tolist() == list(range(len(document)))
    assert set(got.segment_ids[where]) == {number}
    begin += len(document)
  for name in batching.FIELDS:
    assert not getattr(got, name)[0, n:].any(), name


def test_an_example_too_long_for_its_row_is_refused():
  with pytest.raises(InputError, match="an example of 3 tokens does not fit a row of 2"):
    batching.to_row(row("abc"), 2)


def test_an_empty_row_is_padding_alone():
  assert set(drawn(batching.empty_row(3)).values()) == {". . .", "0 0 0"}


def test_rows_become_a_batch_in_their_order():
  rows = [batching.to_row(row("abc"), 4), batching.to_row(row("d"), 4), batching.empty_row(4)]
  batch = batching.stack(rows)
  assert batch.inputs.tolist() == [[1, 2, 3, 0], [4, 0, 0, 0], [0, 0, 0, 0]]
  assert batch.loss_mask.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
  for name in batching.FIELDS:
    dtype = np.bool_ if name.endswith("mask") else np.int32
    assert (getattr(batch, name).shape, getattr(batch, name).dtype) == ((3, 4), dtype), name
