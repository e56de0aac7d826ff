"""Counts against those made by hand: from batches and their dense masks."""

from collections import Counter
import itertools

import numpy as np
import pytest

from codegen_jax.data.pipeline import Reader
from codegen_jax.errors import InputError
from codegen_jax.inspection import tally
from codegen_jax.inspection.tally import Counts
from codegen_jax.models import masks
from tests.inspection import texts

ROWS = range(5, 45)
NEXT = [task for task in texts.TASKS if not task.endswith("mlm")]


def scored_by_hand(batch, attention: str) -> int:
  """Targets that are wanted and that the mask does not let their place read."""
  may_read = np.asarray(masks.training_mask(batch, attention).dense())[0]
  wanted = np.flatnonzero(batch.loss_mask[0])
  return sum(not may_read[place, place + 1] for place in wanted)


def told(reader: Reader, rows=ROWS, attention=None) -> Counts:
  attention = attention or ("bidirectional" if reader.in_place else "causal")
  return tally.tally(reader, rows, attention).total


def documents(batch) -> list[np.ndarray]:
  ids = batch.segment_ids[0]
  return [batch.inputs[0][ids == segment] for segment in range(1, ids.max() + 1)]


@pytest.mark.parametrize("mixture", [*texts.TASKS, "texts_mixed"])
def test_tokens_prefixes_and_padding_are_those_of_the_batches(mixture):
  reader = texts.reader(mixture)
  batches = [reader.row(index) for index in ROWS]
  counts = told(reader)
  assert any(0 in batch.inputs[batch.segment_ids > 0] for batch in batches)  # no id is padding
  assert (counts.rows, counts.places) == (len(ROWS), len(ROWS) * texts.L)
  assert counts.tokens == sum(int((batch.segment_ids > 0).sum()) for batch in batches)
  assert counts.padding == sum(int((batch.segment_ids == 0).sum()) for batch in batches) > 0
  assert counts.prefix == sum(int(batch.prefix_mask.sum()) for batch in batches)


@pytest.mark.parametrize("mixture", [*NEXT, "texts_mixed"])
@pytest.mark.parametrize("attention", ["causal", "prefix"])
def test_scored_targets_are_those_that_the_mask_does_not_show(mixture, attention):
  reader = texts.reader(mixture)
  report = tally.tally(reader, ROWS, attention)
  assert report.attentions[0] == attention and {*report.attentions} == {"causal", "prefix"}
  for other in report.attentions:
    expected = sum(scored_by_hand(reader.row(index), other) for index in ROWS)
    assert report.total.scored[other] == expected > 0


def test_in_place_what_is_asked_for_is_scored_and_nothing_else_may_be_asked():
  reader = texts.reader("texts_code_mlm")
  report = tally.tally(reader, ROWS, "bidirectional")
  assert report.attentions == ["bidirectional"]
  asked = sum(int(reader.row(index).loss_mask.sum()) for index in ROWS)
  assert report.total.scored == {"bidirectional": asked}
  for attention in ("causal", "prefix"):
    with pytest.raises(InputError, match="set it to 'bidirectional'"):
      tally.tally(reader, ROWS, attention)


def test_each_token_of_the_corpus_is_read_once_an_epoch():
  for task in texts.TASKS:
    reader = texts.reader(task)
    assert told(reader, range(reader.num_rows)).read == texts.source(task).store("train").num_tokens


def test_spans_are_those_between_their_mask_and_their_end():
  reader, lengths, ratios = texts.reader("texts_code_spans"), Counter(), []
  eom, sep, eos = texts.ids("<eom>", "<sep>", "<|endoftext|>").tolist()
  for index in ROWS:
    for tokens in documents(reader.row(index)):
      if eom not in tokens:  # too short to lose any
        continue
      (cut,) = np.flatnonzero(tokens == sep)
      text, spans = tokens[:cut], tokens[cut + 1 :].tolist()
      here = []
      while spans:
        end = spans.index(eom)
        here.append(end - 1)  # without <mask_k>
        spans = spans[end + 1 :]
      lengths.update(here)
      whole = int((text != eos).sum()) - len(here) + sum(here)
      ratios.append(sum(here) / whole)
  counts = told(reader)
  assert counts.spans == lengths and len(lengths) > 5
  assert sorted(counts.ratios) == pytest.approx(sorted(ratios))


def test_a_middle_is_a_span():
  reader, lengths, ratios = texts.reader("texts_code_psm"), Counter(), []
  (middle, eos), specials = (
    texts.ids("<fim_middle>", "<|endoftext|>"),
    texts.VOCABULARY.is_special(),
  )
  for index in ROWS:
    for tokens in documents(reader.row(index)):
      if middle in tokens:
        cut = np.flatnonzero(tokens == middle)[0]
        length = int((tokens[cut + 1 :] != eos).sum())
        lengths[length] += 1
        ratios.append(length / int((~specials[tokens]).sum()))
  counts = told(reader)
  assert counts.spans == lengths and len(lengths) > 5
  assert sorted(counts.ratios) == pytest.approx(sorted(ratios))


def test_each_hidden_token_is_a_span_of_one():
  reader = texts.reader("texts_code_mlm")
  counts = told(reader)
  assert counts.spans == {1: counts.scored["bidirectional"]}


def test_text_left_as_it_is_has_no_mask_ratio():
  counts = told(texts.reader("texts_code_clm"))
  assert (counts.ratios, counts.spans, counts.left) == ((), {}, {})


def test_a_row_that_became_one_document_still_counts_its_documents():
  apart, together = (
    told(texts.reader("texts_code_spans")),
    told(texts.reader("texts_code_spans_row")),
  )
  reader = texts.reader("texts_code_spans_row")
  assert together.documents == sum(len(reader.inspect(index).paths) for index in ROWS)
  assert apart.documents > len(apart.ratios) > len(together.ratios) == len(ROWS)


def test_a_document_in_several_rows_has_one_mask_ratio_an_epoch():
  task = "texts_code_psm_document"
  reader = texts.reader(task)
  store = texts.source(task).store("train")
  assert any(len({*pair[0]} & {*pair[1]}) for pair in _neighbours(reader))
  counts = told(reader, range(reader.num_rows))
  left = sum(one.documents for one in counts.left.values())
  assert len(counts.ratios) + left == store.num_documents
  twice = told(reader, range(2 * reader.num_rows))
  assert len(twice.ratios) + sum(one.documents for one in twice.left.values()) == 2 * len(
    texts.CODE
  )


def _neighbours(reader: Reader):
  paths = [paths for _, paths in reader.rows_in_order()]
  return itertools.pairwise(paths)


def test_documents_that_keep_their_spans_are_counted_by_reason_with_the_first():
  reader = texts.reader("texts_code_spans", seq_len=16)
  rows = range(reader.num_rows)
  by_hand: dict[str, list[str]] = {}
  for index in rows:
    row = reader.inspect(index)
    for change in row.example.changes:
      if change.left:
        by_hand.setdefault(change.left, []).append(row.paths[change.segment - 1])
  counts = told(reader, rows)
  assert {why: (one.documents, one.first) for why, one in counts.left.items()} == {
    why: (len(paths), paths[0]) for why, paths in by_hand.items()
  }
  assert len(by_hand) > 1 and max(map(len, by_hand.values())) > 1


def test_a_mixture_is_counted_by_task_and_the_total_is_their_sum():
  reader = texts.reader("texts_mixed")
  report = tally.tally(reader, ROWS, "causal")
  assert report.rates == {"texts_code_clm": 0.75, "texts_prose_spans": 0.25}
  assert {*report.tasks} == {*report.rates}
  for task, counts in report.tasks.items():
    rows = [reader.inspect(index) for index in ROWS]
    assert counts.rows == sum(row.task == task for row in rows)
    assert counts.read == sum(row.num_read for row in rows if row.task == task)
  code, prose = report.tasks.values()
  total = report.total
  for name in ("rows", "places", "tokens", "read", "documents", "prefix"):
    assert getattr(total, name) == getattr(code, name) + getattr(prose, name)
  assert total.scored["causal"] == code.scored["causal"] + prose.scored["causal"]
  assert (total.ratios, total.spans) == (prose.ratios, prose.spans)
  assert report.epoch == reader.num_rows


def test_shares_of_the_text_come_near_the_rates():
  report = tally.tally(texts.reader("texts_mixed"), range(400), "causal")
  assert report.tasks["texts_code_clm"].read / report.total.read == pytest.approx(0.75, abs=0.02)


def test_a_task_without_a_row_among_those_counted_is_there():
  report = tally.tally(texts.reader("texts_mixed"), range(1), "causal")
  assert sorted(counts.rows for counts in report.tasks.values()) == [0, 1]


def test_sums_of_nothing_and_of_reasons():
  assert Counts.sum([]) == Counts()
  one = tally.Left(documents=2, first="a.py")
  both = Counts.sum([Counts(left={"short": one}), Counts(left={"short": tally.Left(3, "b.py")})])
  assert both.left == {"short": tally.Left(5, "a.py")}
  assert one == tally.Left(2, "a.py")  # what is summed stays
