"""level="document": an objective sees documents whole, and what it makes of them is cut."""

from collections import defaultdict
import dataclasses
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from codegen_jax.data.objectives import Example, Objective, PerFile, PrefixSuffixMiddle
from codegen_jax.data.rows import RowSource
from tests.data import toy

PRE, SUF, MID = (toy.SPECIALS[f"<fim_{name}>"] for name in ("prefix", "suffix", "middle"))
LENGTHS = [16, 40, 1000]


def psm(documents=None, *, task: str = "toy_whole") -> RowSource:
  """Made anew for each caller, as every host makes its own."""
  corpus = toy.LONG_SOURCE if documents is None else toy.ToySource("toy_any", {"train": documents})
  return RowSource(
    task,
    corpus=corpus.name,
    splits={"train": corpus.reader("train")},
    objective=PrefixSuffixMiddle(corpus.vocabulary),
    level="document",
  )


def read(source: RowSource, length: int, *, epoch: int = 0, seed: int = 0, shuffle: bool = True):
  """The place, the example and the paths of each row, in the order of the corpus."""
  where = {"epoch": epoch, "seed": seed, "length": length, "shuffle": shuffle}
  rows = [
    (
      source.place("train", row=row, **where).start,
      source.example("train", row=row, **where),
      source.paths("train", row=row, **where),
    )
    for row in range(source.num_rows("train", length))
  ]
  return sorted(rows, key=lambda row: row[0])


def made(source: RowSource, length: int, **where) -> dict[str, list[int]]:
  """What became of each document, put together from all rows."""
  joined = defaultdict(list)
  for _, example, paths in read(source, length, **where):
    assert set(example.segment_ids) <= set(range(1, len(paths) + 1))
    for segment, token in zip(example.segment_ids, example.tokens.tolist(), strict=True):
      joined[paths[segment - 1]].append(token)
  return joined


def undone(tokens: list[int]) -> list[int]:
  """The document that was moved about; each sentinel stands there once and in its order."""
  if PRE not in tokens:
    return tokens
  assert [token for token in tokens if token in (PRE, SUF, MID)] == [PRE, SUF, MID]
  assert tokens[0] == PRE
  suffix, middle = tokens.index(SUF), tokens.index(MID)
  end = tokens[middle + 1 :]
  assert end.pop() == toy.EOS
  return [*tokens[1:suffix], *end, *tokens[suffix + 1 : middle], toy.EOS]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("shuffle", [True, False])
def test_the_rows_of_an_epoch_join_to_each_document_moved_about_once(length, shuffle):
  got = made(psm(), length, shuffle=shuffle)
  assert {path: undone(tokens) for path, tokens in got.items()} == {
    path: [*ids, toy.EOS] for path, ids in toy.LONG.items()
  }
  moved = [path for path, tokens in got.items() if PRE in tokens]
  assert len(moved) > 0.8 * len(toy.LONG)  # the shortest have no room


def test_documents_of_several_rows_are_read_from_all_of_them():
  rows = read(psm(), 16)
  most = max(sum(path in paths for *_, paths in rows) for path in toy.LONG)
  assert most > 10  # so that joining them tests something


@pytest.mark.parametrize("length", LENGTHS)
def test_what_a_row_opens_and_scores_is_cut_with_its_tokens(length):
  opened, scored = defaultdict(list), defaultdict(list)
  for _, example, paths in read(psm(), length):
    for segment, open_, score in zip(
      example.segment_ids, example.prefix_mask, example.loss_mask, strict=True
    ):
      opened[paths[segment - 1]].append(bool(open_))
      scored[paths[segment - 1]].append(bool(score))
  for path, tokens in made(psm(), length).items():
    prefix = tokens.index(MID) + 1 if MID in tokens else 0
    assert opened[path] == [place < prefix for place in range(len(tokens))]
    assert all(scored[path])


def test_epochs_seeds_and_tasks_move_other_middles():
  wheres = itertools.product(["a", "b"], [0, 1], [0, 1])
  moved = [
    made(psm(task=task), 40, epoch=epoch, seed=seed)["40.py"] for task, epoch, seed in wheres
  ]
  assert len(set(map(tuple, moved))) == len(moved) == 8


def test_a_row_is_the_same_on_every_host_and_after_any_other():
  source, where = psm(), {"seed": 1, "epoch": 2, "length": 16}
  rows = range(source.num_rows("train", 16))
  there = {row: source.example("train", row=row, **where) for row in reversed(rows)}
  for row in rows:
    here = psm().example("train", row=row, **where)
    for name in ("tokens", "loss_mask", "prefix_mask", "segment_ids"):
      np.testing.assert_array_equal(getattr(here, name), getattr(there[row], name))


@dataclasses.dataclass(frozen=True)
class Greedy(Objective):
  """Says that it adds a little, and takes all the room that there is."""

  def __call__(self, example: Example, rng: np.random.Generator) -> Example:
    added = Example.plain(
      np.full(example.room, 7), np.full(example.room, example.segment_ids[0]), room=0
    )
    return Example.joined([example, added])

  def growth(self, num_tokens: int, documents: int = 1) -> int:
    return 2


@settings(max_examples=60)
@given(
  st.lists(st.integers(0, 60), min_size=1, max_size=8),
  st.integers(2, 50),
  st.sampled_from(["document", "context"]),
)
def test_no_row_is_longer_than_a_row_even_of_an_objective_that_takes_all_its_room(
  sizes, length, level
):
  documents = {f"{number:02}": [1] * size for number, size in enumerate(sizes)}
  corpus = toy.ToySource("toy_any", {"train": documents})
  source = RowSource(
    "toy_greedy",
    corpus="toy_any",
    splits={"train": corpus.reader("train")},
    objective=Greedy() if level == "document" else PerFile(Greedy()),
    level=level,
  )
  rows = [example for _, example, _ in read(source, length)]
  assert all(len(example.tokens) <= length for example in rows)
  if level == "context":  # and it can have all of it
    assert all(len(example.tokens) == length for example in rows)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=8), st.integers(2, 50), st.booleans())
def test_any_documents_in_rows_of_any_length_come_back(sizes, length, shuffle):
  documents = {f"{number:02}": [number + 1] * size for number, size in enumerate(sizes)}
  source = psm(documents)
  rows = read(source, length, shuffle=shuffle)
  assert all(len(example.tokens) <= length for _, example, _ in rows)
  got = made(source, length, shuffle=shuffle)
  assert {path: undone(tokens) for path, tokens in got.items()} == {
    path: [*ids, toy.EOS] for path, ids in documents.items()
  }
