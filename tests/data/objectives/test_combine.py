"""One of several objectives, and one inside each document of a row."""

import collections
import dataclasses
import itertools

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from codegen_jax.data.objectives import (
  CausalLM,
  Choose,
  Example,
  FixedMeanSpans,
  MaskedLM,
  Objective,
  PerFile,
  PrefixLM,
  PrefixSuffixMiddle,
  ScoreInfill,
  SpanCorruption,
)
from codegen_jax.errors import InputError
from tests.data.objectives import words
from tests.data.objectives.words import WORDS, Words, drawn, ids, parts, prefix_length, row


@dataclasses.dataclass(frozen=True)
class Twice(Objective):
  """Each token twice, as far as there is room."""

  grows: float = 1.0

  def __call__(self, example: Example, rng: np.random.Generator) -> Example:
    repeats = 1 + (np.arange(len(example.tokens)) < example.room)
    names = "tokens", "loss_mask", "prefix_mask", "segment_ids"
    made = Example(*(getattr(example, name).repeat(repeats) for name in names))
    room = example.room - (len(made.tokens) - len(example.tokens))
    return dataclasses.replace(made, room=room, changes=example.changed(0, np.zeros(0, int)))

  def growth(self, num_tokens: int, documents: int = 1) -> int:
    return round(self.grows * num_tokens)


def tokens_of(example: Example) -> list[list[int]]:
  return [part.tokens.tolist() for part in parts(example)]


UNUSED = np.random.default_rng(0)  # by what these objectives make of these rows


# PerFile.


@given(documents=words.documents(), seed=words.seeds)
def test_every_document_has_a_prefix_of_its_own(documents, seed):
  got = PerFile(PrefixLM())(row(*documents), np.random.default_rng(seed))
  assert tokens_of(got) == documents
  assert (got.loss_mask == ~got.prefix_mask).all()
  for part, document in zip(parts(got), documents, strict=True):
    split, n = prefix_length(part), len(document)
    assert 1 <= split < n or (split, n) == (0, 1)


def test_the_noise_of_one_document_says_nothing_about_the_next():
  rng, counts = np.random.default_rng(0), collections.Counter()
  for _ in range(2000):
    got = PerFile(PrefixLM())(row([1, 2, 3], [4, 5, 6]), rng)
    counts[tuple(map(prefix_length, parts(got)))] += 1
  words.assert_even(counts, list(itertools.product([1, 2], [1, 2])))


def test_documents_of_new_lengths_keep_their_order():
  got = PerFile(Twice())(row([7, 0], [8], [0, 9]), UNUSED)
  assert tokens_of(got) == [[7, 7, 0, 0], [8, 8], [0, 0, 9, 9]]
  assert [change.segment for change in got.changes] == [1, 2, 3]


def test_what_a_span_corruption_tells_follows_its_own_file_numbered_from_1():
  objective = PerFile(SpanCorruption(WORDS, FixedMeanSpans(0.5, 1.0)))
  got = objective(row(ids("a b </s>"), ids("c d </s>"), ids("e f")), UNUSED)
  assert [drawn(part) for part in parts(got)] == [
    "[a <mask_1> </s> <sep>] <mask_1> b <eom>",
    "[c <mask_1> </s> <sep>] <mask_1> d <eom>",
    "[e <mask_1> </s> <sep>] <mask_1> f <eom>",
  ]
  assert [(c.segment, c.num_tokens, c.spans.tolist()) for c in got.changes] == [
    (1, 2, [1]), (2, 2, [1]), (3, 2, [1])
  ]  # fmt: skip


@pytest.mark.parametrize("segments", [[], [1, 1, 1], [4, 4, 4]])
def test_a_row_of_one_document_is_that_document(segments):
  example = Example.plain(
    np.array([0, 3, 0][: len(segments)], int), np.array(segments, int), room=9
  )
  for seed in range(5):
    got, expected = (
      made(example, np.random.default_rng(seed)) for made in (PerFile(PrefixLM()), PrefixLM())
    )
    assert words.same(got, expected) and got.room == 9


@given(documents=words.documents(), room=st.integers(0, 30), grows=st.sampled_from([0.5, 1.0, 2.0]))
def test_room_is_shared_in_order_and_what_one_leaves_is_there_for_the_next(documents, room, grows):
  lengths = [len(document) for document in documents]
  got = PerFile(Twice(grows))(row(*documents, room=room), UNUSED)
  growths, used = [round(grows * n) for n in lengths], 0
  if len(documents) == 1:
    growths = [1]  # it has all
  for n, part, until in zip(lengths, tokens_of(got), itertools.accumulate(growths), strict=True):
    assert len(part) - n == min(n, room * until // max(sum(growths), 1) - used)
    used += len(part) - n
  assert got.room == room - used >= 0


def test_room_is_shared_as_documents_usually_grow():
  documents = [0] * 30, [1] * 10
  taken = [len(part) for part in tokens_of(PerFile(Twice())(row(*documents, room=20), UNUSED))]
  assert taken == [30 + 15, 10 + 5]
  # One that never uses its share leaves it to the next.
  left = PerFile(PrefixSuffixMiddle(WORDS, cuts="token"))
  got = left(row(ids("<sep> </s>"), ids("a b </s>"), room=3), np.random.default_rng(0))
  assert words.reasons(got) == ["it holds special tokens", ""] and got.room == 0


def test_growth_is_that_of_as_many_documents_of_the_same_length():
  objective = PerFile(SpanCorruption(WORDS, FixedMeanSpans(0.5, 1.0)))
  # Of four tokens two are spans, each of three more; once </s>, <sep>.
  assert objective.growth(4) == objective.growth(4, 1) == 2 * 3 + 2
  assert objective.growth(12, 3) == 3 * (2 * 3 + 2)
  assert objective.growth(10, 3) == objective.growth(12, 3)


def test_a_document_may_be_as_long_as_the_row():
  objective = PerFile(SpanCorruption(Words(masks=4), FixedMeanSpans(0.5, 1.0)))
  objective.check(8, 4)
  with pytest.raises(InputError, match="5 spans out of 10 tokens"):
    objective.check(10, 4)


# Choose.


@dataclasses.dataclass(frozen=True)
class Gives(Objective):
  """Puts one number everywhere."""

  number: int

  def __call__(self, example: Example, rng: np.random.Generator) -> Example:
    return dataclasses.replace(example, tokens=np.full(len(example.tokens), self.number))

  def growth(self, num_tokens: int, documents: int = 1) -> int:
    return self.number * num_tokens + documents

  def check(self, num_tokens: int, documents: int = 1) -> None:
    if num_tokens > 100 * self.number:
      raise InputError(f"{num_tokens} of {documents} is too much for {self.number}")


def choose(*rates: float) -> Choose:
  return Choose(tuple(Gives(i + 1) for i in range(len(rates))), rates)


@pytest.mark.parametrize(
  "rates", [(0.5, 0.5), (1.0, 3.0), (1.0,) * 7, (0.0, 1.0), (0.0, 2.0, 0.0), (5.0,)]
)
def test_a_coin_falls_as_often_as_its_rate_says(rates):
  rng, document = np.random.default_rng(0), row([0])
  counts = collections.Counter(int(choose(*rates)(document, rng).tokens[0]) for _ in range(2000))
  words.assert_frequent(counts, {i: rate / sum(rates) for i, rate in enumerate(rates, 1)})


def test_a_coin_is_tossed_for_a_row_or_inside_per_file_for_a_document():
  rng, documents = np.random.default_rng(0), row([0, 0], [0])
  by_row, by_document = collections.Counter(), collections.Counter()
  for _ in range(2000):
    by_row[tuple(choose(1.0, 1.0)(documents, rng).tokens.tolist())] += 1
    by_document[tuple(PerFile(choose(1.0, 1.0))(documents, rng).tokens.tolist())] += 1
  words.assert_even(by_row, [(1, 1, 1), (2, 2, 2)])
  words.assert_even(by_document, [(a, a, b) for a in (1, 2) for b in (1, 2)])


@pytest.mark.parametrize(
  ("rates", "dealt"),
  [
    ((0.5, 0.5), [1, 2]),
    ((0.25, 0.75), [1, 2, 2, 2]),
    ((1.0, 3.0), [1, 2, 2, 2]),
    ((1 / 7,) * 7, [1, 2, 3, 4, 5, 6, 7]),
    ((1.0,) * 7, [1, 2, 3, 4, 5, 6, 7]),
    ((0.1, 0.2, 0.7), [1, 2, 2, *[3] * 7]),
    ((1 / 3, 1 / 6, 1 / 2), [1, 1, 2, 3, 3, 3]),
    ((0.0, 1.0), [2]),
    ((1.0, 31.0), [1, *[2] * 31]),
  ],
)
def test_each_objective_is_dealt_as_often_as_its_rate_says(rates, dealt):
  assert [objective.number for objective in choose(*rates).deal] == dealt


@pytest.mark.parametrize(
  "rates", [(1.0, 2**0.5), (0.3333, 0.6667), (1.0, 32.0), (0.125, 0.375, 0.2, 0.3)]
)
def test_rates_that_no_hand_holds_are_left_to_the_coin(rates):
  chosen = choose(*rates)
  assert chosen.deal == (chosen,)


def test_the_most_that_may_be_chosen_counts():
  assert choose(1.0, 1.0, 0.0).growth(10, 2) == 32
  choose(1.0, 1.0).check(100, 2)
  with pytest.raises(InputError, match="101 of 2 is too much for 1"):
    choose(1.0, 1.0).check(101, 2)


@pytest.mark.parametrize(
  ("objectives", "rates", "message"),
  [
    ((CausalLM(),), (0.5, 0.5), "1 objectives and 2 rates; give each objective its rate"),
    ((), (), "0 objectives and 0 rates"),
    ((CausalLM(), PrefixLM()), (-0.5, 1.5), r"rates \(-0.5, 1.5\); a rate is a share"),
    ((CausalLM(), PrefixLM()), (0.0, 0.0), "none of them negative and not all 0"),
    ((CausalLM(), PrefixLM()), (float("nan"), 1.0), "a rate is a share"),
    ((CausalLM(), PrefixLM()), (float("inf"), 1.0), "a rate is a share"),
    ((CausalLM(), MaskedLM(WORDS)), (0.5, 0.5), "no one attention can learn both"),
    ((PerFile(MaskedLM(WORDS)), CausalLM()), (0.5, 0.5), "no one attention can learn both"),
  ],
)  # fmt: skip
def test_a_choice_that_cannot_be_made_is_refused(objectives, rates, message):
  with pytest.raises(InputError, match=message):
    Choose(objectives, rates)


def test_a_choice_among_those_that_ask_in_place_asks_in_place():
  assert Choose((MaskedLM(WORDS), MaskedLM(WORDS, 0.3)), (0.5, 0.5)).in_place
  assert not choose(1.0, 1.0).in_place and not PerFile(choose(1.0, 1.0)).in_place


# ScoreInfill.


@given(documents=words.documents(), seed=words.seeds)
def test_only_what_is_filled_in_is_scored(documents, seed):
  psm = PrefixSuffixMiddle(WORDS)
  got = PerFile(ScoreInfill(psm))(row(*documents), np.random.default_rng(seed))
  whole = PerFile(psm)(row(*documents), np.random.default_rng(seed))
  assert got.tokens.tolist() == whole.tokens.tolist()
  assert got.prefix_mask.tolist() == whole.prefix_mask.tolist()
  for part in parts(got):
    mark = part.tokens == WORDS.special_id("<fim_middle>")  # a text without letters has none
    assert (part.loss_mask == (mark.cumsum() > mark)).all()


def test_of_a_document_that_was_left_nothing_is_scored():
  got = ScoreInfill(PrefixSuffixMiddle(WORDS))(row([1, 2, 3], room=2), UNUSED)
  assert got.tokens.tolist() == [1, 2, 3] and not got.loss_mask.any()
  assert got.changes[0].left == "its row has no room"
