"""PSM, SPM and both: that nothing is lost, and that the middle is the one that was drawn."""

import collections
import itertools
import json
import pathlib

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from codegen_jax.data.objectives import PrefixSuffixMiddle
from codegen_jax.errors import InputError
from tests.data.objectives import words
from tests.data.objectives.inverses import undo_infill
from tests.data.objectives.words import EOS, WORDS, drawn, ids, made, prefix_length

ORDERS = ["psm", "spm", "joint"]
CUTS = ["character", "token"]
PIECES = ["é", "e\u0301", "🦊", "😀", "😁", "\r\n", "\t", "  ", "\0", "return", "x", "<sep>", "!"]
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=8).map("".join)
slices = st.tuples(st.integers(0, 99), st.integers(0, 99)).map(sorted)


def sections_of(example, vocabulary=WORDS) -> list[list[int]]:
  return undo_infill(example.tokens.tolist(), vocabulary)


class Told(np.random.Generator):
  """Draws what it is told to."""

  def __init__(self, places: tuple[int, int], coin: float = 0.0):
    super().__init__(np.random.PCG64(0))
    self.places, self.coin = places, coin

  def integers(self, *_):
    return np.array(self.places)

  def random(self):
    return self.coin


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize(
  ("order", "places", "expected"),
  [
    ("psm", (2, 4), "[<pre> a b <suf> e f <mid>] c d </s>"),
    ("spm", (2, 4), "[<pre> <suf> e f <mid> a b] c d </s>"),
    ("psm", (4, 2), "[<pre> a b <suf> e f <mid>] c d </s>"),
    ("psm", (0, 6), "[<pre> <suf> <mid>] a b c d e f </s>"),
    ("spm", (6, 6), "[<pre> <suf> <mid> a b c d e f] </s>"),
    ("psm", (0, 0), "[<pre> <suf> a b c d e f <mid>] </s>"),
  ],
)
def test_a_middle_is_moved_to_the_end_and_all_before_it_may_be_read_both_ways(
  cuts, order, places, expected
):
  document = words.row(ids("a b c d e f </s>"))
  got = PrefixSuffixMiddle(WORDS, order, cuts)(document, Told(places))
  assert drawn(got) == expected
  assert got.loss_mask.all()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("cuts", CUTS)
@words.few
@given(body=words.bodies, ended=st.booleans(), seed=words.seeds)
def test_undoing_it_gives_the_document_back(order, cuts, body, ended, seed):
  document = [*body, EOS] if ended else body
  got = made(PrefixSuffixMiddle(WORDS, order, cuts), document, seed)
  (change,) = got.changes
  assert change.num_tokens == len(body)
  if not body:
    assert words.same(got, words.row(document)) and change.left == "it is empty"
    return
  prefix, middle, suffix, end = undo_infill(got.tokens.tolist())
  assert [*prefix, *middle, *suffix, *end] == document
  assert change.left == ""
  assert prefix_length(got) + change.spans.sum() + ended == len(got.tokens)
  assert got.loss_mask.all() and set(got.segment_ids.tolist()) == {1}


@pytest.mark.parametrize("order", ORDERS)
@words.few
@given(text=texts, places=slices, seed=words.seeds)
def test_a_row_that_begins_or_ends_within_a_character_keeps_every_byte(
  bpe, order, text, places, seed
):
  document = bpe.encode(text)[slice(*places)]
  check_bytes(bpe, order, document, seed)


@pytest.mark.parametrize("order", ORDERS)
@words.few
@given(ids=st.lists(st.integers(0, 459), max_size=12), seed=words.seeds)
def test_bytes_that_are_no_text_are_kept_too(bpe, order, ids, seed):
  check_bytes(bpe, order, ids, seed)


def test_around_bytes_that_are_no_text_cuts_move_to_where_their_tokens_begin(bpe):
  exclamation, number, run = bpe.encode("!"), bpe.encode("#"), bpe.encode(" " * 8)
  assert len(run) == 1
  # Places of characters: before ! and #, before each of eight spaces, and at the end.
  document = words.row([*exclamation, bpe.encode("🐍")[1], *number, *run])
  for places, cuts in {(1, 2): (2, 3), (1, 5): (2, 3), (0, 10): (0, 4), (9, 10): (3, 4)}.items():
    prefix, middle, suffix, _ = sections_of(PrefixSuffixMiddle(bpe)(document, Told(places)), bpe)
    assert (len(prefix), len(prefix) + len(middle), len(suffix)) == (*cuts, 4 - cuts[1])


def check_bytes(bpe, order: str, document: list[int], seed: int) -> None:
  got = made(PrefixSuffixMiddle(bpe, order), [*document, bpe.eos_id], seed)
  if not document:
    assert words.reasons(got) == ["it is empty"]
    return
  *sections, end = undo_infill(got.tokens.tolist(), bpe)
  assert end == [bpe.eos_id]
  text = [bpe.to_bytes(np.array(section, int)) for section in sections]
  assert b"".join(text) == bpe.to_bytes(np.array(document))
  assert got.changes[0].num_tokens == len(document)
  assert got.tokens.dtype == np.int32


@given(text=texts, seed=words.seeds)
def test_sections_are_whole_characters_and_encoded_as_a_prompt_would_be(bpe, text, seed):
  document = bpe.encode("x" + text)
  *sections, _ = undo_infill(made(PrefixSuffixMiddle(bpe), document, seed).tokens.tolist(), bpe)
  for section in sections:
    assert bpe.encode(bpe.to_bytes(np.array(section, int)).decode()) == section


@given(text=texts, places=slices, seed=words.seeds)
def test_without_room_for_new_halves_a_cut_moves_to_where_its_token_begins(bpe, text, places, seed):
  document = bpe.encode("x return" + text)[slice(*places)] or [0]
  objective, n = PrefixSuffixMiddle(bpe), len(document)
  free = made(objective, document, seed)
  growth = max(len(free.tokens) - n, 3)
  assert words.same(made(objective, document, seed, room=growth), free)
  if growth == 3:
    return
  got = made(objective, document, seed, room=growth - 1)
  assert len(got.tokens) == n + 3 and got.room == growth - 4
  prefix, middle, suffix, _ = undo_infill(got.tokens.tolist(), bpe)
  assert [*prefix, *middle, *suffix] == document
  num_bytes = bpe.token_num_bytes()
  ends = np.cumsum(num_bytes[document])
  before, within, *_ = (num_bytes[section].sum() for section in sections_of(free, bpe))
  assert len(prefix) == (ends <= before).sum()
  assert len(prefix) + len(middle) == (ends <= before + within).sum()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("cuts", CUTS)
@words.few
@given(body=words.bodies, seed=words.seeds)
def test_a_row_never_grows_by_more_than_its_room(order, cuts, body, seed):
  document = [3, *body, EOS]
  for room in range(6):
    got = made(PrefixSuffixMiddle(WORDS, order, cuts), document, seed, room=room)
    if room < 3:
      assert words.same(got, words.row(document))
      assert words.reasons(got) == ["its row has no room"] and got.room == room
    else:
      assert words.reasons(got) == [""]
      assert len(got.tokens) == len(document) + 3 and got.room == room - 3


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("special", ["<pre>", "<suf>", "<mid>", "<sep>", "<mask_1>"])
def test_a_document_that_spells_a_sentinel_is_left_whole(order, cuts, special):
  document = ids(f"a {special} b </s>")
  for seed in range(4):
    got = made(PrefixSuffixMiddle(WORDS, order, cuts), document, seed)
    assert words.same(got, words.row(document))
    assert words.reasons(got) == ["it holds special tokens"]


@pytest.mark.parametrize("cuts", CUTS)
def test_a_row_of_documents_that_is_treated_as_one_loses_nothing(cuts):
  row = words.row(ids("a b </s>"), ids("c d </s>"), ids("e f </s>"))
  for seed in range(9):
    got = PrefixSuffixMiddle(WORDS, cuts=cuts)(row, np.random.default_rng(seed))
    assert [token for section in sections_of(got) for token in section] == row.tokens.tolist()
    assert set(got.segment_ids.tolist()) == {1}


# What is drawn.  All to within five standard deviations, see words.assert_frequent.


def pairs(n: int) -> dict[tuple[int, int], float]:
  """Two places 0 .. n, drawn independently and put in order."""
  every = itertools.product(range(n + 1), repeat=2)
  return {
    pair: (1 if pair[0] == pair[1] else 2) / (n + 1) ** 2
    for pair in {tuple(sorted(p)) for p in every}
  }


@pytest.mark.parametrize("cuts", CUTS)
def test_every_pair_of_places_between_words_is_cut_as_often_as_two_draws_say(cuts):
  rng, counts = np.random.default_rng(0), collections.Counter()
  document, objective = words.row(ids("a a b a </s>")), PrefixSuffixMiddle(WORDS, cuts=cuts)
  for _ in range(2000):
    prefix, middle, _, _ = undo_infill(objective(document, rng).tokens.tolist())
    counts[len(prefix), len(prefix) + len(middle)] += 1
  words.assert_frequent(counts, pairs(4))


def test_every_pair_of_places_between_characters_is_cut_as_often_as_two_draws_say(bpe):
  rng, counts, text = np.random.default_rng(0), collections.Counter(), "retur🦊é"
  document, objective = words.row(bpe.encode(text)), PrefixSuffixMiddle(bpe)
  for _ in range(2000):
    *sections, _ = undo_infill(objective(document, rng).tokens.tolist(), bpe)
    prefix, middle, suffix = (bpe.decode(section) for section in sections)
    assert prefix + middle + suffix == text
    counts[len(prefix), len(prefix) + len(middle)] += 1
  words.assert_frequent(counts, pairs(len(text)))


def test_a_row_that_begins_and_ends_within_a_character_is_cut_between_its_whole_ones(bpe):
  rng, counts, text = np.random.default_rng(0), collections.Counter(), "ré🐍!"
  first, *others = bpe.encode("🐍")  # three tokens for four bytes
  document = words.row([*others, *bpe.encode(text), first])
  objective = PrefixSuffixMiddle(bpe)
  for _ in range(2000):
    *sections, _ = sections_of(objective(document, rng), bpe)
    prefix, middle, suffix = (bpe.to_bytes(np.array(section, int)) for section in sections)
    texts = [prefix.removeprefix(b"\x90\x8d"), middle, suffix.removesuffix(b"\xf0\x9f")]
    assert b"".join(texts).decode() == text
    counts[len(texts[0].decode()), len(b"".join(texts[:2]).decode())] += 1
  words.assert_frequent(counts, pairs(len(text)))


@pytest.mark.parametrize("rate", [0.5, 0.9, 1.0])
def test_a_rate_is_the_share_of_documents_that_it_is_done_to(rate):
  rng, counts = np.random.default_rng(0), collections.Counter()
  document, objective = words.row([0, 1, EOS]), PrefixSuffixMiddle(WORDS, rate=rate, cuts="token")
  for _ in range(2000):
    got = objective(document, rng)
    counts[bool(got.changes)] += 1
    assert got.changes or words.same(got, document)  # the coin's choice is nothing amiss
  words.assert_frequent(counts, {True: rate, False: 1 - rate})


def test_joint_is_either_order_with_equal_chance_whatever_is_cut():
  rng, counts = np.random.default_rng(0), collections.Counter()
  document, objective = words.row([0, 1, 2, EOS]), PrefixSuffixMiddle(WORDS, "joint", "token")
  for _ in range(2000):
    got = objective(document, rng)
    suffix, middle = sections_of(got)[2], got.changes[0].spans[0]
    prefix = 3 - len(suffix) - middle  # without one, both orders look the same
    order = "psm" if got.tokens[1] != WORDS.special_id("<fim_suffix>") else "spm"
    counts[prefix, order if prefix else "both"] += 1
  shares = collections.Counter()
  for (prefix, _), p in pairs(3).items():
    for order in ("psm", "spm") if prefix else ("both", "both"):
      shares[prefix, order] += p / 2
  words.assert_frequent(counts, shares)


# Room.


def test_growth_is_enough_for_9_of_10_documents_that_are_cut_between_characters(bpe):
  """Measured: 97 of 100 documents of 100 tokens, and 95 under vocabularies of 8000 and 50000."""
  code = np.array(bpe.encode(pathlib.Path(json.decoder.__file__).read_text("utf-8")), np.int32)
  objective, rng = PrefixSuffixMiddle(bpe), np.random.default_rng(0)
  grown = []
  for _ in range(200):
    start = rng.integers(0, len(code) - 100)
    grown.append(len(objective(words.row(code[start : start + 100]), rng).tokens) - 100)
  assert np.mean(np.array(grown) <= objective.growth(100)) >= 0.9
  assert max(grown) > objective.growth(100) - 2  # and it is not much too much


def test_growth_between_tokens_is_the_three_sentinels():
  assert PrefixSuffixMiddle(WORDS, cuts="token").growth(100) == 3


# What is told before a run.


@pytest.mark.parametrize("missing", ["<fim_prefix>", "<fim_suffix>", "<fim_middle>"])
def test_a_vocabulary_without_a_sentinel_is_refused(missing):
  objective = PrefixSuffixMiddle(words.Words(without=(missing,)))
  with pytest.raises(InputError, match=f"no special token '{missing}'"):
    objective.check(100)
  PrefixSuffixMiddle(WORDS).check(100)


@pytest.mark.parametrize(
  ("wrong", "message"),
  [
    ({"rate": 0.0}, "a rate of 0.0; it must lie between 0, left out, and 1"),
    ({"rate": 1.5}, "a rate of 1.5; it must"),
    ({"rate": float("nan")}, "a rate of nan; it must"),
    ({"order": "smp"}, "order='smp'; choose psm or spm or joint"),
    ({"cuts": "char"}, "cuts='char'; choose character or token"),
  ],
)
def test_settings_that_mean_nothing_are_told_what_there_is(wrong, message):
  with pytest.raises(InputError, match=f"PrefixSuffixMiddle has {message}"):
    words.checked(PrefixSuffixMiddle(WORDS), **wrong)
