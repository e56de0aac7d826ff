"""What holds of every objective as the lessons use it, on rows of several documents."""

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from codegen_jax.data import batching, token_store
from codegen_jax.data.objectives import Choose, Example, PerFile
from codegen_jax.data.rows import RowSource
from codegen_jax.models import masks
from tasks import recipes
from tests.data.objectives import words
from tests.data.objectives.inverses import restored
from tests.data.objectives.words import EOS, WORDS, parts, row

RECIPES = recipes.recipes(WORDS)
every_recipe = pytest.mark.parametrize("name", RECIPES)
BY_FILE = [name for name, objective in RECIPES.items() if isinstance(objective, PerFile)]
L = 128


def without_end(document: list[int]) -> list[int]:
  return document[:-1] if document[-1] == EOS else document


def check_documents(name: str, got: Example, documents: list[list[int]]) -> None:
  """Each can be told from its own part of the row; two recipes make the row one document."""
  if name in ("span_corruption_row", "codegen2_row") and len(parts(got)) == 1:
    documents = [[token for document in documents for token in document]]
  expected = [without_end(document) for document in documents]
  assert [restored(part) for part in parts(got)] == expected


@settings(max_examples=30)
@given(documents=words.documents(max_size=3), seed=words.seeds)
def test_no_scored_target_can_be_read_where_it_is_predicted(documents, seed):
  """Not at once, and not through what another place has read.

  (What a MaskedLM asks for stands nowhere but in `answers`: see its own tests.)
  """
  named = {name: objective for name, objective in RECIPES.items() if not objective.in_place}
  rows = []
  for objective in named.values():
    got = objective(row(*documents), np.random.default_rng(seed))
    for part in parts(got):
      words.prefix_length(part)  # has no hole, on which `masks.visible` relies
    rows.append(batching.to_row(got, L))
  batch = batching.stack(rows)
  scored = np.asarray(masks.scored_targets(batch, "prefix"))
  reads = np.asarray(masks.training_mask(batch, "prefix").dense())
  for i, name in enumerate(named):
    places = np.flatnonzero(scored[i])
    assert not reads[i, places, places + 1].any(), name
    assert not (reads[i, places] & reads[i].T[places + 1]).any(), name
    # And all that is wanted outside of prefixes is scored.
    wanted = batch.loss_mask[i, :-1] & ~batch.prefix_mask[i, 1:]
    assert scored[i].tolist() == [*wanted.tolist(), False], name


@every_recipe
@words.few
@given(documents=words.documents(), seed=words.seeds)
def test_every_document_of_a_row_comes_back(name, documents, seed):
  got = RECIPES[name](row(*documents), np.random.default_rng(seed))
  check_documents(name, got, documents)
  again = RECIPES[name](row(*documents), np.random.default_rng(seed))
  assert words.same(got, again) and str(got.changes) == str(again.changes)


@pytest.mark.parametrize("name", BY_FILE)
@words.few
@given(documents=words.documents(), seed=words.seeds)
def test_packing_is_invisible(name, documents, seed):
  """A row holds for each document what its objective makes of it alone."""
  got = RECIPES[name](row(*documents), np.random.default_rng(seed))
  rng = np.random.default_rng(seed)
  alone = [RECIPES[name].objective(row(document), rng) for document in documents]
  for part, expected in zip(parts(got), alone, strict=True):
    assert set(expected.segment_ids.tolist()) == {1}
    segment_ids = np.ones_like(part.segment_ids)
    assert words.same(Example(**vars(part) | {"segment_ids": segment_ids}), expected)
  told = [(change.num_tokens, change.spans.tolist(), change.left) for change in got.changes]
  assert told == [
    (change.num_tokens, change.spans.tolist(), change.left)
    for example in alone
    for change in example.changes
  ]


@every_recipe
@words.few
@given(documents=words.documents(), room=st.integers(0, 60), seed=words.seeds)
def test_no_row_grows_by_more_than_its_room_and_nothing_is_cut(name, documents, room, seed):
  example = row(*documents, room=room)
  got = RECIPES[name](example, np.random.default_rng(seed))
  assert len(example.tokens) <= len(got.tokens) <= len(example.tokens) + room
  check_documents(name, got, documents)
  # Whoever got less than it would have in a row without end says why.
  free = RECIPES[name](row(*documents), np.random.default_rng(seed))
  if len(got.tokens) < len(free.tokens):
    assert any(change.left for change in got.changes)


@every_recipe
def test_usual_rows_have_room(name):
  """The share of rows that lack some, of documents of one length each."""
  objective, rng = RECIPES[name], np.random.default_rng(0)
  for n, documents in [(30, 1), (300, 4)]:
    deal = objective.deal if isinstance(objective, Choose) else (objective,)
    for dealt in deal:
      size = n // documents
      example = row(*[[0] * (size - 1) + [EOS]] * documents, room=dealt.growth(n, documents))
      lack = 0
      for _ in range(20):
        lack += any("room" in reason for reason in words.reasons(dealt(example, rng)))
      assert lack <= 2, (n, documents, dealt)


def test_no_two_recipes_tell_the_same_settings():
  told = [repr(objective) for objective in RECIPES.values()]
  assert len(set(told)) == len(told)


# Through rows of a corpus.

SIZES = [0, 1, 2, 3, 30, 31, 32, 33, 100, 7, 0, 0, 12, 64]


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> token_store.TokenStore:
  """Documents shorter and longer than a row of 32 and just as long; one repeats a token."""
  rng = np.random.default_rng(0)
  documents = [rng.integers(0, 10, size).tolist() for size in SIZES] + [[4] * 40, [0] * 9]
  return token_store.write(
    tmp_path_factory.mktemp("store") / "train",
    [(f"{i}.py", document) for i, document in enumerate(documents)],
    vocab_size=len(WORDS.is_special()),
    eos_id=EOS,
    fingerprint="words",
  )


@every_recipe
@pytest.mark.parametrize("length", [16, 32, 300])
def test_every_row_of_a_corpus_fits_and_comes_back(name, length, store):
  source = RowSource(
    "words", corpus="words", splits={"train": lambda: store}, objective=RECIPES[name]
  )
  for n in range(source.num_rows("train", length)):
    where = {"seed": 0, "epoch": 0, "row": n, "length": length}
    place, got = source.place("train", **where), source.example("train", **where)
    tokens, numbers = store.slice(place.start, place.stop)
    documents = [tokens[numbers == number].tolist() for number in sorted(set(numbers))]
    assert len(got.tokens) <= length
    check_documents(name, got, documents)
