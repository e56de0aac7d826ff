"""What a mixture promises of its tasks: shares of text, an end, and one kind of question."""

from collections import Counter
import contextlib
import re

import numpy as np
import pytest
import seqio

from codegen_jax.data.objectives import CausalLM, Choose, MaskedLM, PerFile, PrefixSuffixMiddle
from codegen_jax.data.pipeline import DataConfig, Reader
from codegen_jax.errors import InputError
from codegen_jax.models import masks
from tasks import build
from tests.data import toy

L = 16
VOCABULARY = toy.LONG_SOURCE.vocabulary


@contextlib.contextmanager
def mixture(tasks: dict, rates: list[float], *, source=toy.LONG_SOURCE, **settings):
  """A Reader of new tasks, which are gone afterwards."""
  config = {"seq_len": L, "batch_size": 4} | settings.pop("config", {})
  try:
    for name, objective in tasks.items():
      build.add_task(name, source, objective, **settings)
    build.add_mixture("toy_mixture", dict(zip(tasks, rates, strict=True)))
    yield Reader(DataConfig("toy_mixture", **config))
  finally:
    for name in tasks:
      seqio.TaskRegistry.remove(name)
    seqio.MixtureRegistry.remove("toy_mixture")


# Shares.


def test_rates_are_shares_of_the_text_that_is_read():
  words = np.random.default_rng(0).integers(0, toy.WORDS, (200, 100)).tolist()
  source = toy.ToySource("toy_much", {"train": {f"{i:03}": ids for i, ids in enumerate(words)}})
  psm = PerFile(PrefixSuffixMiddle(VOCABULARY))
  half = Choose((CausalLM(), psm), (0.5, 0.5))
  with mixture(
    {"a": CausalLM(), "b": psm, "c": half}, [2, 1, 1], source=source, config={"seq_len": 64}
  ) as reader:
    read, num_rows = Counter(), Counter()
    for index in range(1200):
      row = reader.inspect(index)
      read[row.task] += row.num_read
      num_rows[row.task] += 1
  for task, rate in {"a": 0.5, "b": 0.25, "c": 0.25}.items():
    assert abs(read[task] / read.total() - rate) < 0.01 * rate
  # Their rows hold different amounts of it, so that shares of rows would be others.
  assert abs(num_rows["a"] / num_rows.total() - 0.5) > 0.03


# The end of a task that is read so many times.


def steps_that_fit(reader: Reader) -> int:
  """Found by trying; every sentence on the way must tell the same number."""
  told, steps = set(), 0
  for steps in range(1000):
    try:
      reader.check_has((steps + 1) * reader.config.batch_size)
    except InputError as error:
      told.add(int(re.search(r"lower TOTAL_STEPS to (\d+) at the most", str(error))[1]))
      break
  for more in (2, 3, 50):
    with pytest.raises(InputError, match=rf"lower TOTAL_STEPS to {steps} at the most"):
      reader.check_has((steps + more) * reader.config.batch_size)
  assert told == {steps}
  return steps


@pytest.mark.parametrize("batch_size", [1, 3, 4, 9])
def test_a_task_of_five_passes_ends_after_exactly_these(batch_size):
  reader = Reader(DataConfig("toy_long_clm_epochs_5", L, batch_size))
  assert reader.num_rows == 90
  assert steps_that_fit(reader) == 5 * 90 // batch_size
  with pytest.raises(InputError, match=r"toy_long_clm_epochs_5 ends after 5 passes of 90 rows, "):
    reader.check_has(1000)


def test_a_mixture_ends_with_the_first_of_its_tasks_that_does():
  tasks = {"a": CausalLM(), "b": PerFile(PrefixSuffixMiddle(VOCABULARY))}
  with mixture(tasks, [1, 2], epochs=2) as reader:
    last = steps_that_fit(reader) * 4
    passes = dict.fromkeys(tasks, 0)
    for index in range(last + 4):
      row = reader.inspect(index)
      if index < last:
        assert row.where["epoch"] < 2
      passes[row.task] = max(passes[row.task], row.where["epoch"])
  assert passes == {"a": 1, "b": 2}  # one batch more, and b would begin its third


def test_a_task_without_an_end_has_any_number_of_rows():
  Reader(DataConfig("toy_long_clm", L, 4)).check_has(10**15)


# A share of the corpus, read again and again.


def text_of(reader: Reader, row: int) -> set[int]:
  """Places in the corpus."""
  read = reader.inspect(row)
  place = read.source.place("train", **read.where)
  return set(range(place.start, place.stop))


@pytest.mark.parametrize("recipe", ["clm", "codegen2", "ul2"])  # 1, 2 and 7 cards
def test_every_pass_over_distinct_batches_reads_the_same_text_in_another_order(recipe):
  reader = Reader(DataConfig(f"toy_long_{recipe}", 64, 2, distinct_batches=7))
  rows = 14
  passes = [[text_of(reader, row) for row in range(n * rows, (n + 1) * rows)] for n in range(3)]
  read = [set.union(*one) for one in passes]
  assert read[0] == read[1] == read[2]
  assert all(sum(map(len, one)) == len(read[0]) for one in passes), "text twice in one pass"
  assert passes[0] != passes[1] != passes[2]
  assert [reader.inspect(row).where["epoch"] for row in (0, rows - 1, rows)] == [0, 0, 1]


def test_distinct_batches_are_drawn_by_the_seed_from_all_of_the_corpus():
  def read(seed: int) -> set[int]:
    reader = Reader(DataConfig("toy_long_clm", 64, 2, seed=seed, distinct_batches=4))
    return set.union(*(text_of(reader, row) for row in range(8)))

  assert read(0) != read(1)
  assert max(read(0)) > 64 * 8  # not the first ones


def test_more_distinct_batches_than_the_corpus_has_are_refused():
  with pytest.raises(InputError, match=r"DISTINCT_BATCHES is 10000, .* needs 20000 rows"):
    Reader(DataConfig("toy_long_clm", 64, 2, distinct_batches=10000))
  with pytest.raises(InputError, match="DISTINCT_BATCHES is -1"):
    DataConfig("toy_long_clm", 64, 2, distinct_batches=-1)


# Documents that an objective could not change.


def test_documents_that_were_left_as_they_are_are_counted_and_the_first_is_named():
  words, sentinel = list(range(40)), toy.SPECIALS["<fim_prefix>"]
  documents = {
    "a": words,
    "b": [],
    "c": [*words[:20], sentinel],
    "d": words,
    "e": [sentinel],
    "f": [],
    "g": [],
  }
  source = toy.ToySource("toy_left", {"train": documents})
  tasks = {"psm": PerFile(PrefixSuffixMiddle(VOCABULARY, cuts="token")), "clm": CausalLM()}
  with mixture(tasks, [1, 1], source=source, config={"seq_len": 400}) as reader:
    assert reader.left == {}
    for _ in reader.rows_in_order():
      pass
    told = {why: (left.documents, left.first) for why, left in reader.left.items()}
  assert told == {
    ("psm", "it holds special tokens"): (2, "c"),
    ("psm", "it is empty"): (3, "b"),
  }


# Attention.


IN_PLACE, NEXT = "toy_long_mlm", "toy_long_clm"


@pytest.mark.parametrize(
  ("task", "attention"),
  [(IN_PLACE, "bidirectional"), (NEXT, "causal"), (NEXT, "prefix")],
)
def test_an_attention_that_can_learn_the_task_passes(task, attention):
  Reader(DataConfig(task, L, 4)).check_attention(attention)


@pytest.mark.parametrize(
  ("task", "attention", "sentence"),
  [
    (IN_PLACE, "causal", "tokens in their places and ATTENTION is 'causal'; set it to 'bidirect"),
    (IN_PLACE, "prefix", "tokens in their places and ATTENTION is 'prefix'; set it to 'bidirect"),
    (NEXT, "bidirectional", "next tokens and ATTENTION is 'bidirectional'; set it to 'causal'"),
  ],
)
def test_an_attention_that_cannot_is_refused(task, attention, sentence):
  with pytest.raises(InputError, match=rf"^{task} asks for {sentence}"):
    Reader(DataConfig(task, L, 4)).check_attention(attention)


def test_tokens_in_their_places_and_next_tokens_do_not_mix():
  mlm = MaskedLM(VOCABULARY)
  refused = pytest.raises(InputError, match="no one attention can learn both")
  with refused, mixture({"a": CausalLM(), "b": mlm}, [1, 1]):
    pass
  with refused:
    Choose((PerFile(mlm), CausalLM()), (0.5, 0.5))
  for objective in (mlm, PerFile(mlm), Choose((mlm, PerFile(mlm)), (0.5, 0.5))):
    with mixture({"a": mlm, "b": objective}, [1, 1]) as reader:
      assert reader.in_place


@pytest.mark.parametrize("what", ["clm", "span_corruption_infill"])
def test_what_is_scored_after_a_task_token_is_what_is_scored_without_it(what):
  """In the same documents, token for token."""

  def scored(kind: str) -> list[tuple[tuple[str, ...], list[int]]]:
    rows = Reader(DataConfig(f"toy_long_{what}_{kind}", 64, 2)).rows_in_order()
    found = []
    for batch, paths in rows:
      places = np.asarray(masks.scored_targets(batch, "causal"))[0]
      found.append((paths, np.asarray(batch.targets)[0][places].tolist()))
    return found

  assert scored("task_token") == scored("beside_task_token")
