"""A row with how it was made, as the Reader tells it."""

import numpy as np
import pytest

from codegen_jax.data import batching
from tests.inspection import texts


@pytest.mark.parametrize("mixture", [*texts.TASKS, "texts_mixed"])
def test_it_is_the_row_that_is_trained_on(mixture):
  read = texts.reader(mixture, seed=3)
  for index in range(40):
    row = read.inspect(index)
    for name in batching.FIELDS:
      np.testing.assert_array_equal(getattr(row.batch, name), getattr(read.row(index), name), name)
    n = len(row.example.tokens)
    np.testing.assert_array_equal(row.example.tokens, row.batch.inputs[0, :n])
    assert not row.batch.segment_ids[0, n:].any()


@pytest.mark.parametrize("task", texts.TASKS)
def test_the_rows_of_an_epoch_are_made_of_each_token_of_the_corpus_once(task):
  read = texts.reader(task)
  rows = [read.inspect(index) for index in range(read.num_rows)]
  store = texts.source(task).store("train")
  assert sum(row.num_read for row in rows) == store.num_tokens
  assert {path for row in rows for path in row.paths} == {*texts.CODE}
  assert {row.task for row in rows} == {task}


def test_a_row_of_a_mixture_names_its_task():
  read = texts.reader("texts_mixed")
  tasks = [read.inspect(index).task for index in range(40)]
  of_each = {"texts_code_clm": texts.CODE, "texts_prose_spans": texts.PROSE}
  assert {*tasks} == {*of_each}
  for index, task in enumerate(tasks):
    assert {*read.inspect(index).paths} <= {*of_each[task]}


def test_paths_are_those_of_the_segments():
  read = texts.reader("texts_code_clm")
  several = [row for row in map(read.inspect, range(read.num_rows)) if len(row.paths) > 1]
  assert several
  for row in several:
    for segment, path in enumerate(row.paths, 1):
      tokens = row.example.tokens[row.example.segment_ids == segment]
      told = texts.VOCABULARY.to_bytes(tokens).removesuffix(b"<|endoftext|>")
      assert told in texts.CODE[path].encode()


def test_documents_left_as_they_were_are_kept_with_the_first_of_each_reason():
  read = texts.reader("texts_code_spans", seq_len=16)
  by_hand: dict[tuple[str, str], list[str]] = {}
  for row in map(read.inspect, range(read.num_rows)):
    for change in row.example.changes:
      if change.left:
        path = row.paths[change.segment - 1]
        by_hand.setdefault((row.task, change.left), []).append(path)
  assert max(map(len, by_hand.values())) > 1
  kept = {key: (left.documents, left.first) for key, left in read.left.items()}
  assert kept == {key: (len(paths), paths[0]) for key, paths in by_hand.items()}
