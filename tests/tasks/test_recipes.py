"""What every recipe promises: a row is a function of its seed, task, epoch and number alone."""

from concurrent.futures import ThreadPoolExecutor
import hashlib
import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
import seqio

from codegen_jax.data import order
from codegen_jax.data.batching import FIELDS, stack, to_row
from codegen_jax.data.objectives import Example
from codegen_jax.data.pipeline import DataConfig, Reader, batches
from codegen_jax.data.prefetch import prefetch
from codegen_jax.data.rows import RowSource
from codegen_jax.data.seqio_rows import as_batch
from codegen_jax.types import Batch
from tasks import build, recipes
from tests.data import toy

L = 32
SHORT = toy.ToySource("toy_short", {"train": dict(list(toy.LONG.items())[:15])})
build.add_recipes("toy_short", SHORT)
build.add_equal_mixtures("toy_both", "toy_long", "toy_short", SHORT)

IN_ROWS = [*recipes.recipes(SHORT.vocabulary)]
EVERY = [*IN_ROWS, *recipes.DOCUMENT_LEVEL]
every_recipe = pytest.mark.parametrize("recipe", EVERY)
every_mixture = pytest.mark.parametrize("recipe", IN_ROWS)


def anew(recipe: str, *, task: str = "") -> RowSource:
  """The task as another host would make it: nothing is shared with the one that is registered."""
  level = "document" if recipe in recipes.DOCUMENT_LEVEL else "context"
  made = recipes.recipes(SHORT.vocabulary) | {
    name: make(SHORT.vocabulary) for name, make in recipes.DOCUMENT_LEVEL.items()
  }
  shared = recipes.SAME_NOISE
  return RowSource(
    task or f"toy_long_{recipe}",
    corpus="toy_long",
    splits={"train": toy.LONG_SOURCE.reader("train")},
    objective=made[recipe],
    level=level,
    noise="" if task or recipe not in shared else f"toy_long_{shared[recipe]}",
  )


def rows(source: RowSource, *, epoch: int = 0, seed: int = 0, first: int = 1000) -> list[Batch]:
  where = {"seed": seed, "epoch": epoch, "length": L}
  numbers = range(min(first, source.num_rows("train", L)))
  return [to_row(source.example("train", row=row, **where), L) for row in numbers]


def reader(mixture: str, *, seed: int = 0) -> Reader:
  return Reader(DataConfig(mixture, seq_len=L, batch_size=4, seed=seed))


def told(batches: list[Batch]) -> str:
  """A hash of everything that a model would see."""
  digest = hashlib.sha256()
  for batch in batches:
    for name in FIELDS:
      digest.update(np.ascontiguousarray(getattr(batch, name)).tobytes())
  return digest.hexdigest()


def first(n: int, made) -> list[Batch]:
  return list(itertools.islice(made, n))


@every_mixture
@pytest.mark.parametrize("hosts", [2, 4])
def test_rows_do_not_depend_on_the_number_of_hosts(recipe, hosts):
  name, share = f"toy_both_{recipe}", 4 // hosts
  parts = [batches(reader(name), range(h * share, (h + 1) * share)) for h in range(hosts)]
  alone = first(8, batches(reader(name), range(4)))
  assert told([stack([next(part) for part in parts]) for _ in alone]) == told(alone)


@every_recipe
def test_rows_do_not_depend_on_what_was_read_before_them_nor_on_threads(recipe):
  source = anew(recipe)
  numbers = range(source.num_rows("train", L))
  expected = rows(toy.source(f"toy_long_{recipe}"))

  def row(number: int) -> Batch:
    return to_row(source.example("train", seed=0, epoch=0, row=number, length=L), L)

  with ThreadPoolExecutor(4) as threads:
    got = list(threads.map(row, reversed(numbers)))
  assert told(got[::-1]) == told(expected)


@every_mixture
def test_prefetching_changes_no_row(recipe):
  ahead = prefetch(batches(reader(f"toy_both_{recipe}"), range(4)), ahead=3)
  got = first(8, ahead)
  ahead.close()
  assert told(got) == told(first(8, batches(reader(f"toy_both_{recipe}"), range(4))))


@every_mixture
def test_a_run_that_goes_on_after_a_row_reads_the_next_one(recipe):
  name = f"toy_both_{recipe}"
  whole = first(20, batches(reader(name), range(4)))
  for done in (1, 8, 17):  # in different epochs
    assert told(first(3, batches(reader(name), range(4), numbers=itertools.count(done)))) == told(
      whole[done : done + 3]
    )


@pytest.mark.slow
def test_another_process_reads_the_same_rows():
  """Python salts its hashes, and orders sets by them, anew in each process."""
  script = "from tests.tasks import test_recipes as t\nprint(t.told_of_all())"
  environment = os.environ | {"PYTHONHASHSEED": "77"}
  there = subprocess.run(
    [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
  )
  assert there.stdout.strip() == told_of_all(), there.stderr


def told_of_all() -> str:
  return told([row for recipe in EVERY for row in rows(anew(recipe), epoch=1, seed=7, first=10)])


# Noise.


@every_recipe
def test_no_two_rows_epochs_seeds_or_tasks_share_a_generator(recipe, monkeypatch):
  make, drawn = order.generator, []
  monkeypatch.setattr(order, "generator", lambda **where: drawn.append(where) or make(**where))
  for task, seed, epoch in itertools.product(["a", "b"], [0, 1], [0, 1]):
    rows(anew(recipe, task=task), epoch=epoch, seed=seed, first=10)
  assert len({tuple(where.items()) for where in drawn}) == len(drawn)
  # A document that is seen whole has one, for all its rows.
  assert recipe in recipes.DOCUMENT_LEVEL or len(drawn) == 8 * 10


# What has many ways to corrupt a short text: T5's spans are one, the last, in all of them.
FREE = ("psm", "spm", "joint", "psm_token", "mlm", "incoder", "psm_document", "prefix_lm")
FREE += ("span_corruption", "span_corruption_fixed", "span_corruption_row")


@pytest.mark.parametrize("recipe", FREE)
def test_the_same_text_is_corrupted_anew_for_each_task_seed_and_epoch(recipe):
  # A document that fills several rows, in the order of the corpus: only the noise can differ.
  def told_of(source: RowSource, **changes) -> set[str]:
    last = source.num_rows("train", L) - 1
    where = {"seed": 0, "epoch": 0, "length": L, "shuffle": False} | changes
    assert source.paths("train", row=last - 5, **where) == ("40.py",)
    examples = [source.example("train", row=row, **where) for row in range(last - 5, last)]
    return {told([to_row(example, L)]) for example in examples}

  this = told_of(anew(recipe))
  assert this == told_of(anew(recipe)) and len(this) == 5
  others = [(anew(recipe), {"epoch": 1}), (anew(recipe), {"seed": 1}), (anew(recipe, task="b"), {})]
  for source, changes in others:
    assert len(this & told_of(source, **changes)) <= 1  # now and then, one of few is drawn again


@every_mixture
def test_no_pass_begins_before_the_one_before_it_is_done(recipe, monkeypatch):
  seen: dict[str, list[tuple[int, int]]] = {}

  def logged(self, split, **where):
    seen.setdefault(self.task, []).append((where["epoch"], where["row"]))
    return Example.plain(np.zeros(1, int), np.ones(1, int))

  monkeypatch.setattr(RowSource, "example", logged)
  mixed = reader(f"toy_both_{recipe}")
  for index in range(3 * mixed.num_rows):
    mixed.row(index)
  assert set(seen) == {f"toy_long_{recipe}", f"toy_short_{recipe}"}
  for task, read in seen.items():
    size = toy.source(task).num_rows("train", L)
    assert read == [divmod(count, size) for count in range(len(read))]
    assert len(read) > size


# By name.


def through_seqio(name: str, *, num_epochs: int | None) -> list[Batch]:
  dataset = seqio.get_mixture_or_task(name).get_dataset(
    {"targets": L}, split="train", shuffle=True, seed=3, num_epochs=num_epochs
  )
  rows = dataset.take(1000).batch(1)  # of one that does not end
  return [as_batch(features) for features in rows.as_numpy_iterator()]


@every_recipe
def test_seqio_reads_the_same_rows_by_name(recipe):
  source = toy.source(f"toy_long_{recipe}")
  expected = [row for epoch in (0, 1) for row in rows(source, epoch=epoch, seed=3)]
  assert told(through_seqio(f"toy_long_{recipe}", num_epochs=2)) == told(expected)


def test_seqio_too_ends_a_task_after_its_passes():
  expected = [
    row for epoch in range(5) for row in rows(toy.source("toy_long_clm"), epoch=epoch, seed=3)
  ]
  assert told(through_seqio("toy_long_clm_epochs_5", num_epochs=None)) == told(expected)
