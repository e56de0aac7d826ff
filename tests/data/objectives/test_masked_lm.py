"""Tokens hidden in their places: which, how often, and what is asked for."""

import collections

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from codegen_jax.data import batching
from codegen_jax.data.objectives import MaskedLM, PerFile
from codegen_jax.errors import InputError
from tests.data.objectives import words
from tests.data.objectives.words import EOS, WORDS, Words, ids, made, row

MASK = WORDS.special_id("<mask_1>")
HIDES = MaskedLM(WORDS, 0.4, random=0.0, kept=0.0)


def test_hidden_tokens_are_asked_for_in_their_places():
  document = ids("a <sep> b </s>")
  got = made(MaskedLM(WORDS, 0.9, random=0.0, kept=0.0), document)
  assert words.drawn(got) == "<mask_1> <sep> <mask_1> </s>"
  batch = batching.to_row(got, 6)
  assert batch.targets.tolist() == [[*document, 0, 0]]
  assert batch.loss_mask.tolist() == [[True, False, True, False, False, False]]


@pytest.mark.parametrize("ratio", [0.01, 0.15, 0.5, 0.99])
@words.few
@given(documents=words.documents(min_size=0), seed=words.seeds)
def test_answers_are_the_document_and_only_what_is_asked_for_differs(ratio, documents, seed):
  document = row(*documents)
  got = MaskedLM(WORDS, ratio)(document, np.random.default_rng(seed))
  n = int((document.tokens != EOS).sum())
  asked = max(round(n * ratio), min(n, 1))
  assert got.answers.tolist() == document.tokens.tolist()
  assert got.loss_mask.sum() == asked and not got.loss_mask[document.tokens == EOS].any()
  assert (got.tokens == document.tokens)[~got.loss_mask].all()
  assert got.segment_ids.tolist() == document.segment_ids.tolist() and not got.prefix_mask.any()
  (change,) = got.changes
  assert (change.num_tokens, change.spans.tolist(), change.left) == (n, [1] * asked, "")


@given(body=words.bodies, specials=st.lists(st.integers(EOS, MASK), max_size=9), seed=words.seeds)
def test_special_tokens_are_never_asked_for(body, specials, seed):
  got = made(MaskedLM(WORDS, 0.9), [*specials, *body, *specials], seed)
  asked = got.answers[got.loss_mask]
  assert (asked < EOS).all() and len(asked) == max(round(0.9 * len(body)), min(len(body), 1))


@given(documents=words.documents(), seed=words.seeds)
def test_every_document_of_a_row_is_asked_for_its_own_share(documents, seed):
  got = PerFile(HIDES)(row(*documents), np.random.default_rng(seed))
  for part, document in zip(words.parts(got), documents, strict=True):
    n = sum(token != EOS for token in document)
    assert part.loss_mask.sum() == max(round(0.4 * n), min(n, 1))
    assert part.answers.tolist() == document
  assert [change.segment for change in got.changes] == list(range(1, len(documents) + 1))


@pytest.mark.parametrize(("random", "kept"), [(0.1, 0.1), (0.0, 0.0), (0.3, 0.2), (0.0, 1.0)])
def test_most_are_masked_and_some_are_random_or_kept(random, kept):
  n = 20_000
  got = made(MaskedLM(WORDS, 0.5, random=random, kept=kept), [0] * n)
  asked = got.tokens[got.loss_mask]
  assert len(asked) == n / 2
  # A random word is "a" too in one of ten cases, and then it looks kept.
  kinds = {0: "kept", MASK: "mask"}
  counts = collections.Counter(kinds.get(token, "random") for token in asked.tolist())
  shares = {"kept": kept + random / 10, "mask": 1 - random - kept, "random": 0.9 * random}
  words.assert_frequent(counts, shares)


def test_every_word_is_as_often_the_random_one():
  got = made(MaskedLM(WORDS, 0.5, random=1.0, kept=0.0), [0] * 20_000)
  words.assert_even(collections.Counter(got.tokens[got.loss_mask].tolist()), range(10))


def test_every_token_is_asked_for_as_often():
  rng, asked = np.random.default_rng(0), collections.Counter()
  for _ in range(2000):
    got = HIDES(row([4, 4, EOS, 5, 0, 4]), rng)
    asked[tuple(np.flatnonzero(got.loss_mask).tolist())] += 1
  words.assert_even(asked, [(a, b) for a in (0, 1, 3, 4, 5) for b in (1, 3, 4, 5) if a < b])


def test_what_is_asked_for_stands_in_its_place():
  assert HIDES.in_place and PerFile(HIDES).in_place


@pytest.mark.parametrize("ratio", [0.0, 1.0, float("nan")])
def test_a_share_that_leaves_nothing_to_learn_or_to_read_is_refused(ratio):
  with pytest.raises(InputError, match=f"mask ratio {ratio}; it must lie between 0 and 1"):
    MaskedLM(WORDS, ratio)


@pytest.mark.parametrize(("random", "kept"), [(-0.1, 0.1), (0.1, -0.1), (0.6, 0.5)])
def test_shares_that_do_not_add_up_are_refused(random, kept):
  with pytest.raises(InputError, match=f"random={random} and kept={kept}: shares of the tokens"):
    MaskedLM(WORDS, random=random, kept=kept)


def test_a_vocabulary_without_masks_is_refused():
  HIDES.check(100)
  with pytest.raises(InputError, match="the vocabulary has no <mask_1>, which hides a token"):
    MaskedLM(Words(masks=0)).check(100)
