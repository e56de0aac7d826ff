"""Bits per byte against scorers whose answer is known beforehand."""

from collections.abc import Sequence
import itertools
import math

import numpy as np
import pytest

from codegen_jax.data.batching import empty_row, stack, to_row
from codegen_jax.data.objectives import Example
from codegen_jax.evaluation import perplexity
from codegen_jax.evaluation.perplexity import DocumentScore
from codegen_jax.types import Batch

L = 8
EOS = 0
V = 32
NUM_BYTES = np.array(
  [0, *(1 + i % 3 for i in range(1, V))], np.int32
)  # 0 for the end of a document


def uniform(batch: Batch):
  """Finds every id equally likely, and counts what the objective wants scored."""
  return np.full(batch.targets.shape, math.log(V), np.float32), batch.loss_mask


def batch(*rows: Sequence[Sequence[int]], prefixes: Sequence[Sequence[int]] = ()) -> Batch:
  """Rows of documents; of each document that many first tokens are a prefix and not scored."""
  prefixes = prefixes or [[0] * len(row) for row in rows]
  made = []
  for documents, opened in zip(rows, prefixes, strict=True):
    sizes = [len(document) for document in documents]
    places = np.concatenate([np.arange(size) for size in sizes])
    prefix = places < np.repeat(opened, sizes)
    tokens = np.array([*itertools.chain(*documents)], np.int32)
    segments = np.repeat(np.arange(1, len(sizes) + 1), sizes).astype(np.int32)
    made.append(to_row(Example(tokens, ~prefix, prefix, segments), L))
  return stack(made)


def test_a_uniform_model_needs_log2_v_bits_for_every_token():
  rows = batch([[5, 6, 7, EOS], [8, 9, EOS]])
  documents = perplexity.score_documents(uniform, [(rows, [("a", "b")])], NUM_BYTES)
  # A document's first token has no predecessor to be predicted from.
  assert documents["a"] == (pytest.approx(3 * 5), NUM_BYTES[[6, 7]].sum(), 3)
  assert documents["b"] == (pytest.approx(2 * 5), NUM_BYTES[9], 2)
  total = NUM_BYTES[[6, 7, 9]].sum()
  assert perplexity.bits_per_byte(documents) == pytest.approx(math.log2(V) * 5 / total)


def test_the_end_of_a_document_costs_bits_and_has_no_bytes():
  with_end, without = batch([[5, 6, EOS]]), batch([[5, 6]])
  (with_end,), (without,) = (
    perplexity.score_documents(uniform, [(rows, [("a",)])], NUM_BYTES).values()
    for rows in (with_end, without)
  )
  assert with_end.bits == pytest.approx(without.bits + math.log2(V))
  assert with_end.bytes == without.bytes


def test_a_document_that_runs_over_rows_and_batches_is_summed():
  rows = [batch([[5, 6, 7]], [[8, 9], [1, 2]]), batch([[3, 4, 5, 6]])]
  paths = [[("a",), ("a", "b")], [("b",)]]
  documents = perplexity.score_documents(uniform, zip(rows, paths, strict=True), NUM_BYTES)
  assert list(documents) == ["a", "b"]
  assert (documents["a"].tokens, documents["b"].tokens) == (2 + 1, 1 + 3)
  assert documents["a"].bytes == NUM_BYTES[[6, 7, 9]].sum()


def test_prefixes_and_padding_count_nothing():
  rows = stack([batch([[5, 6, 7, 8, EOS]], prefixes=[[3]]), empty_row(L)])
  for paths in ([("a",), ()], [("a",)]):  # padding rows have no documents
    documents = perplexity.score_documents(uniform, [(rows, paths)], NUM_BYTES)
    assert documents == {"a": (pytest.approx(2 * 5), NUM_BYTES[8], 2)}


def test_a_document_of_which_no_byte_is_scored_is_left_out():
  # The prompt of `b` ends just before its end; of `c` nothing but the end is in the row.
  rows = batch([[5, 6, EOS], [7, 8, EOS], [EOS]], prefixes=[[1, 2, 0]])
  documents = perplexity.score_documents(uniform, [(rows, [("a", "b", "c")])], NUM_BYTES)
  assert list(documents) == ["a"]
  assert documents["a"].tokens == 2


def test_what_a_scorer_does_not_count_is_not_counted():
  counts = np.zeros((1, L), bool)
  counts[0, 1] = True
  documents = perplexity.score_documents(
    lambda rows: (uniform(rows)[0], counts), [(batch([[5, 6, 7, 8]]), [("a",)])], NUM_BYTES
  )
  assert documents == {"a": (pytest.approx(5), NUM_BYTES[7], 1)}


@pytest.mark.parametrize("seed", range(5))
def test_random_rows_agree_with_a_count_token_by_token(seed):
  rng = np.random.default_rng(seed)
  expected: dict[str, list[float]] = {}
  batches, nats = [], []
  document = 0
  for _ in range(4):
    rows, paths = [], []
    for _ in range(3):
      sizes = [size for size in rng.integers(1, 5, 3) if size]
      sizes = sizes[: np.searchsorted(np.cumsum(sizes), L, side="right")]
      numbers = [document + i for i in range(len(sizes))]
      document = numbers[-1]  # the next row goes on with the last one's document
      rows.append([rng.integers(0, V, size).tolist() for size in sizes])
      paths.append(tuple(f"{number}.py" for number in numbers))
    made = batch(*rows, prefixes=[[int(rng.integers(0, 3)) for _ in row] for row in rows])
    drawn = rng.exponential(size=(3, L)).astype(np.float32)
    batches.append((made, paths))
    nats.append(drawn)
    for row, column in np.ndindex(3, L):
      if made.loss_mask[row, column]:
        path = paths[row][made.segment_ids[row, column] - 1]
        total = expected.setdefault(path, [0.0, 0, 0])
        total[0] += float(drawn[row, column]) / math.log(2)
        total[1] += NUM_BYTES[made.targets[row, column]]
        total[2] += 1
  drawn = iter(nats)
  got = perplexity.score_documents(lambda b: (next(drawn), b.loss_mask), batches, NUM_BYTES)
  expected = {path: total for path, total in expected.items() if total[1]}
  assert len(got) > 5 and got.keys() == expected.keys()
  for path, total in expected.items():
    assert got[path] == pytest.approx(total)
  bits, num_bytes, _ = np.sum([*expected.values()], axis=0)
  assert perplexity.bits_per_byte(got) == pytest.approx(bits / num_bytes)


def test_a_long_document_weighs_more_than_a_short_one():
  documents = {"long": DocumentScore(300.0, 100, 50), "short": DocumentScore(1.0, 1, 1)}
  assert perplexity.bits_per_byte(documents) == pytest.approx(301 / 101)
