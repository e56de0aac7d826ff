"""Spans that are taken out and told: that nothing is lost, and how it is written."""

import re

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from codegen_jax.data.objectives import (
  CODEGEN2,
  INCODER,
  T5,
  FixedMeanSpans,
  Form,
  PoissonSpans,
  SpanCorruption,
  UniformSpans,
)
from codegen_jax.errors import InputError
from tests.data.objectives import words
from tests.data.objectives.inverses import undo_spans
from tests.data.objectives.words import EOS, WORDS, Here, Words, drawn, ids, made, prefix_length

FORMS = {"codegen2": CODEGEN2, "t5": T5, "incoder": INCODER}
FEW = UniformSpans((0.2, 0.5), (1, 3))
KEPT = "it keeps some spans, for lack of room, masks or tokens between"
every_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
every_policy = pytest.mark.parametrize("spans", [FEW, FixedMeanSpans(0.4, 1.5), PoissonSpans(2.0)])


@pytest.mark.parametrize(
  ("form", "expected"),
  [
    (CODEGEN2, "[a <mask_1> d e <mask_2> </s> <sep>] <mask_1> b c <eom> <mask_2> f <eom>"),
    (T5, "[a <mask_1> d e <mask_2> </s>] <mask_1> b c <mask_2> f </s>"),
    (INCODER, "[a <mask_1> d e <mask_2> </s>] <mask_1> b c <eom> <mask_2> f <eom>"),
    (
      Form(("<sep>", "<dummy_0>"), ("<eom>", "<dummy_1>"), ("<sep>", "<dummy_2>")),
      "[a <mask_1> d e <mask_2> </s> <sep> <dummy_0>]"
      " <mask_1> b c <eom> <dummy_1> <mask_2> f <eom> <dummy_1> <sep> <dummy_2>",
    ),
  ],
)
@pytest.mark.parametrize("document", ["a b c d e f </s>", "a b c d e f"])
def test_every_form_is_written_as_it_is_drawn(form, expected, document):
  got = made(SpanCorruption(WORDS, Here((1, 5), (2, 1)), form), ids(document))
  assert drawn(got) == expected
  (change,) = got.changes
  assert (change.segment, change.num_tokens, change.spans.tolist()) == (1, 6, [2, 1])


@every_form
@pytest.mark.parametrize(
  ("starts", "lengths"),
  [((0,), (1,)), ((0,), (4,)), ((3,), (1,)), ((0, 2), (1, 2)), ((0, 2), (1, 1))],
)
def test_spans_at_both_ends_come_back(form, starts, lengths):
  document = ids("a b c d </s>")
  got = made(SpanCorruption(WORDS, Here(starts, lengths), form), document)
  assert undo_spans(got.tokens.tolist(), form) == (document, [*lengths])


@every_form
@every_policy
@words.few
@given(body=words.bodies, word=st.integers(0, 9), ended=st.booleans(), seed=words.seeds)
def test_putting_the_spans_back_gives_the_document(form, spans, body, word, ended, seed):
  for letters in (body, [word] * len(body)):  # and one that repeats itself
    document = [*letters, EOS] if ended else letters
    got = made(SpanCorruption(WORDS, spans, form), document, seed)
    (change,) = got.changes
    assert change.num_tokens == len(letters)
    if len(letters) < 2:
      assert words.same(got, words.row(document)) and not change.spans.size
      assert change.left == ("it has one token alone" if letters else "it is empty")
    else:
      restored, lengths = undo_spans(got.tokens.tolist(), form)
      assert restored == [*letters, EOS]
      assert (lengths, change.left) == (change.spans.tolist(), "")
      assert prefix_length(got) == got.tokens.tolist().index(EOS) + 1 + len(form.between)
      assert set(got.segment_ids.tolist()) == {1} and got.answers is None


@every_form
@words.few
@given(documents=words.documents(min_size=2), seed=words.seeds)
def test_a_row_that_is_treated_as_one_document_comes_back_with_all_ends_inside(
  form, documents, seed
):
  row = words.row(*documents)
  got = SpanCorruption(WORDS, FEW, form)(row, np.random.default_rng(seed))
  if words.reasons(got) == [""]:
    tokens = row.tokens.tolist()
    restored, _ = undo_spans(got.tokens.tolist(), form)
    assert restored == (tokens if tokens[-1] == EOS else [*tokens, EOS])
    assert set(got.segment_ids.tolist()) == {1}
  else:
    assert words.same(got, row) and sum(row.tokens != EOS) < 2


@pytest.mark.parametrize(
  "special", ["<mask_1>", "<mask_9>", "<sep>", "<eom>", "<pre>", "<dummy_0>"]
)
def test_a_document_that_spells_a_sentinel_is_left_whole(special):
  document = ids(f"a b {special} c d </s>")
  for seed in range(4):
    got = made(SpanCorruption(WORDS, FEW), document, seed)
    assert words.same(got, words.row(document))
    assert words.reasons(got) == ["it holds special tokens"]


@every_form
def test_all_of_it_is_scored_or_what_is_told_alone(form):
  for seed in range(4):
    all_, told = (
      made(SpanCorruption(WORDS, FEW, form, score), ids("a b c d e f </s>"), seed)
      for score in (True, False)
    )
    assert all_.loss_mask.all()
    assert told.loss_mask.tolist() == (~told.prefix_mask).tolist()
    assert all_.tokens.tolist() == told.tokens.tolist()


# Room.


def cost(form, document: list[int], spans: int) -> int:
  """Tokens that so many spans add: two masks each, what ends a span, and what comes once."""
  once = 0 if document[-1] == EOS else 1
  return once + len(form.between) + len(form.at_end) + spans * (2 + len(form.after_span))


@every_form
@every_policy
@words.few
@given(body=words.bodies, ended=st.booleans(), room=st.integers(0, 30), seed=words.seeds)
def test_a_row_never_grows_by_more_than_its_room_and_keeps_the_spans_that_do_not_fit(
  form, spans, body, ended, room, seed
):
  document = [1, 0, *body, EOS][: len(body) + 2 + ended]
  objective = SpanCorruption(WORDS, spans, form)
  got, free = made(objective, document, seed, room=room), made(objective, document, seed)
  assert len(got.tokens) + got.room == len(document) + room and got.room >= 0
  (change,) = got.changes
  if room < cost(form, document, 1):
    assert words.same(got, words.row(document))
    assert (change.left, change.spans.tolist()) == ("its row has no room", [])
  elif room >= cost(form, document, len(free.changes[0].spans)):
    assert words.same(got, free) or change.left
  else:
    assert change.left == KEPT
  if change.spans.size:
    restored, lengths = undo_spans(got.tokens.tolist(), form)
    assert restored == [1, 0, *body, EOS] and lengths == change.spans.tolist()


@every_form
def test_the_first_span_needs_just_its_own_tokens(form):
  document, objective = (
    ids("a b c d e f </s>"),
    SpanCorruption(WORDS, FixedMeanSpans(0.5, 1.5), form),
  )
  for spans in (1, 2):
    for spare in range(2 + len(form.after_span)):
      got = made(objective, document, room=cost(form, document, spans) + spare)
      assert len(got.changes[0].spans) == spans and got.room == spare
      assert words.reasons(got) == [KEPT if spans == 1 else ""]


def test_spans_beyond_the_masks_are_kept():
  objective = SpanCorruption(Words(masks=2), FixedMeanSpans(0.5, 1.0))
  got = made(objective, [0] * 10)
  assert words.reasons(got) == [KEPT]
  assert undo_spans(got.tokens.tolist(), CODEGEN2, Words(masks=2))[0] == [0] * 10 + [EOS]
  assert len(got.changes[0].spans) == 2


def test_spans_that_leave_no_tokens_between_them_are_kept():
  got = made(SpanCorruption(WORDS, UniformSpans((0.9, 0.9), (1, 1))), [0] * 10)
  assert words.reasons(got) == [KEPT] and got.changes[0].spans.tolist() == [1, 1]


@every_form
@every_policy
@pytest.mark.parametrize("n", [20, 200])
def test_growth_is_enough_for_19_of_20_documents(form, spans, n):
  objective, rng = SpanCorruption(Words(masks=200), spans, form), np.random.default_rng(0)
  document = words.row([0] * n, room=objective.growth(n))  # a row cut it, so that its end is added
  left = [words.reasons(objective(document, rng)) for _ in range(200)]
  assert left.count([""]) >= 190
  assert objective.growth(n) == cost(form, [0] * n, spans.usual(n))


# What is told before a run.


@pytest.mark.parametrize(
  ("form", "missing"),
  [(CODEGEN2, "<sep>"), (CODEGEN2, "<eom>"), (INCODER, "<eom>"), (T5, "<|endoftext|>")],
)
def test_a_vocabulary_without_a_token_of_the_form_is_refused(form, missing):
  objective = SpanCorruption(Words(without=(missing,)), form=form)
  with pytest.raises(InputError, match=re.escape(f"no special token {missing!r}")):
    objective.check(100)


def test_a_vocabulary_needs_only_the_tokens_of_its_form():
  SpanCorruption(WORDS).check(100)
  SpanCorruption(Words(without=("<sep>", "<eom>", "<fim_prefix>")), form=T5).check(100)
  SpanCorruption(Words(without=("<sep>", "<dummy_0>")), form=INCODER).check(100)


def test_a_vocabulary_with_too_few_masks_for_a_row_is_refused():
  objective = SpanCorruption(Words(masks=10), FixedMeanSpans(0.5, 1.0))
  objective.check(20)
  with pytest.raises(
    InputError,
    match=r"FixedMeanSpans\(ratio=0.5, mean=1.0\) takes about 11 spans out of 22 tokens, and the "
    "vocabulary has 10 masks; choose longer spans, shorter rows, or a vocabulary with more",
  ):
    objective.check(22)
