from collections.abc import Iterator
import contextlib
import itertools
import threading
import time

import numpy as np
import pytest
import seqio

from codegen_jax.data import batching
from codegen_jax.data.objectives import CausalLM, PrefixLM
from codegen_jax.data.pipeline import DataConfig, Reader, batches, in_order
from codegen_jax.data.prefetch import prefetch
from codegen_jax.errors import InputError
from codegen_jax.types import Batch
from tasks import build
from tests.data import toy

L = 7
CODE = toy.tokens(toy.CODE["train"])
PROSE = toy.tokens(toy.PROSE["train"])
CLM = CausalLM()


def reader(mixture: str = "toy_noise", **changes) -> Reader:
  return Reader(DataConfig(**{"mixture": mixture, "seq_len": L, "batch_size": 4} | changes))


def first(n: int, batches: Iterator[Batch]) -> list[Batch]:
  return list(itertools.islice(batches, n))


def assert_same(got: Batch, expected: Batch) -> None:
  for name in batching.FIELDS:
    np.testing.assert_array_equal(getattr(got, name), getattr(expected, name), name)


def text(*rows: Batch) -> list[int]:
  """All tokens of rows or batches, without the padding."""
  return [token for row in rows for token in row.inputs[row.segment_ids > 0].tolist()]


@contextlib.contextmanager
def registered(add, registry):
  """A task or mixture that is gone afterwards."""
  made = add()
  try:
    yield made
  finally:
    registry.remove(made.name)


# The endless, shuffled mixture.


def test_skipping_is_the_same_as_having_read():
  for n in (1, 7, 50):  # the toys are in their fifth epoch by then
    expected = first(n + 2, batches(reader(), range(4)))[n:]
    for got, want in zip(
      first(2, batches(reader(), range(4), numbers=itertools.count(n))), expected, strict=True
    ):
      assert_same(got, want)


@pytest.mark.parametrize("hosts", [1, 2, 4])
def test_the_order_does_not_depend_on_the_number_of_hosts(hosts):
  one = reader()
  share = 4 // hosts
  parts = [
    batches(one, range(h * share, (h + 1) * share), numbers=itertools.count(3))
    for h in range(hosts)
  ]
  for want in first(6, batches(one, range(4), numbers=itertools.count(3))):
    assert_same(batching.stack([next(part) for part in parts]), want)


def test_batches_hold_the_rows_by_their_index():
  one = reader()
  for step, batch in enumerate(first(5, batches(one, range(4)))):
    assert_same(batch, batching.stack([one.row(4 * step + row) for row in range(4)]))


def test_a_mixture_holds_its_tasks_at_their_rates_and_each_runs_through_its_epochs():
  mixed = reader("toy_clm")
  rows = [mixed.row(index) for index in range(90)]
  code = [row for row in rows if set(text(row)) <= {*CODE}]
  prose = [row for row in rows if not set(text(row)) <= {*CODE}]
  assert (len(code), len(prose)) == (60, 30)
  for corpus, read in ((CODE, code), (PROSE, prose)):
    size = -(-len(corpus) // L)
    for epoch in (0, 1):
      assert sorted(text(*read[epoch * size : (epoch + 1) * size])) == sorted(corpus)


def test_a_task_alone_is_a_mixture_and_repeats_with_new_noise():
  alone = reader("toy_code_noise")
  rows = [tuple(text(alone.row(index))) for index in range(3 * alone.num_rows)]
  assert alone.num_rows == -(-len(CODE) // L)
  assert len(set(rows)) == len(rows)


def test_training_reads_the_rows_of_an_epoch_in_an_order_of_its_own():
  one = reader("toy_code_clm")
  shuffled = [text(one.row(index)) for index in range(one.num_rows)]
  in_file_order = [text(row) for row, _ in one.rows_in_order()]
  assert shuffled != in_file_order
  assert sorted(shuffled) == sorted(in_file_order)


def test_the_seed_the_split_and_the_separation_reach_the_rows():
  assert text(reader(seed=1).row(0)) != text(reader(seed=2).row(0))
  validation = toy.tokens(toy.CODE["validation"])
  assert text(reader("toy_code_clm", split="validation").row(0)) == validation
  together = reader("toy_code_clm", seq_len=len(CODE), separate_documents=False).row(0)
  assert together.positions.tolist() == [[*range(len(CODE))]]


# One epoch in order.


def test_in_order_every_row_comes_once_with_its_paths():
  one = reader("toy_clm", batch_size=5)
  rows, paths = zip(*in_order(one), strict=True)
  assert [batch.inputs.shape for batch in rows] == [(5, L)] * 3
  assert text(*rows) == CODE + PROSE
  assert [len(documents) for documents in paths] == [5, 5, 2]
  assert not rows[-1].segment_ids[2:].any()
  assert paths[0][0] == ("a.py", "b.py", "c.py") and paths[-1][-1] == ("q.md",)


def test_a_limit_spreads_its_rows_evenly_over_each_task():
  got = [text(row) for row, _ in reader("toy_clm", seq_len=5).rows_in_order(3)]
  assert (len(CODE), len(PROSE)) == (48, 33)  # 10 and 7 rows
  assert got == [CODE[0:5], CODE[15:20], CODE[30:35], PROSE[0:5], PROSE[10:15], PROSE[20:25]]
  batch, paths = next(in_order(reader("toy_clm", seq_len=5, batch_size=9), max_rows=3))
  assert (batch.inputs.shape, len(paths)) == ((9, 5), 6)


def test_a_limit_beyond_the_epoch_is_no_limit():
  one = reader("toy_clm")
  assert len(list(one.rows_in_order(1000))) == one.num_rows


# Ahead of time.


def prefetching() -> list[threading.Thread]:
  return [thread for thread in threading.enumerate() if thread.name == "prefetch"]


def assert_no_thread_is_left() -> None:
  for thread in prefetching():
    thread.join(timeout=5)
  assert not prefetching()


def test_prefetching_changes_nothing():
  assert list(prefetch(iter(range(20)))) == list(range(20))
  assert_no_thread_is_left()


def test_prefetching_reads_ahead_but_not_far():
  made = []
  items = prefetch((made.append(i) or i for i in itertools.count()), ahead=2)
  assert next(items) == 0
  deadline = time.monotonic() + 10
  while len(made) < 4 and time.monotonic() < deadline:
    time.sleep(0.01)
  time.sleep(0.1)  # for what must not happen
  assert made == [0, 1, 2, 3]  # one used, two ready, one in hand
  items.close()
  assert_no_thread_is_left()


def test_an_error_comes_out_in_its_turn():
  def broken():
    yield 1
    yield 2
    raise OSError("the disk is gone")

  items = prefetch(broken())
  assert [next(items), next(items)] == [1, 2]
  with pytest.raises(OSError, match="the disk is gone"):
    next(items)
  assert_no_thread_is_left()


# What cannot be read.


def test_an_unknown_mixture_is_told_the_nearest_name():
  with pytest.raises(InputError, match=r"no mixture 'toy_cml'.*'toy_clm'"):
    reader("toy_cml")


def test_a_stream_is_refused():
  def dataset(split, shuffle_files):
    raise AssertionError("it was read")

  def add():
    stream = seqio.FunctionDataSource(dataset, splits=["train"])
    return seqio.TaskRegistry.add("toy_stream", source=stream, preprocessors=[], output_features={})

  with (
    registered(add, seqio.TaskRegistry),
    pytest.raises(InputError, match="'toy_stream' is a stream and has no row indices"),
  ):
    reader("toy_stream")


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_no_share_is_refused(rate):
  def add():  # by seqio itself; tasks.build refuses most of them sooner
    rates = [("toy_code_clm", 1.0), ("toy_prose_clm", rate)]
    return seqio.MixtureRegistry.add("toy_rates", rates)

  with (
    registered(add, seqio.MixtureRegistry),
    pytest.raises(InputError, match="every rate must be positive"),
  ):
    reader("toy_rates")


def test_a_tiny_rate_is_not_rounded_to_nothing():
  def add():
    return build.add_mixture("toy_rates", {"toy_code_clm": 2e-9, "toy_prose_clm": 1e-9})

  with registered(add, seqio.MixtureRegistry):
    assert_same(reader("toy_rates", seed=5).row(8), reader("toy_clm", seed=5).row(8))


def test_tasks_of_different_vocabularies_are_refused():
  class Other(toy.ToySource):
    vocabulary = seqio.PassThroughVocabulary(size=200, eos_id=toy.EOS)

  def add_task():
    return build.add_task("toy_other", Other("toy_other", toy.CODE), CausalLM())

  def add_mixture():
    return build.add_mixture("toy_babel", {"toy_other": 1, "toy_prose_clm": 1})

  with (
    registered(add_task, seqio.TaskRegistry),
    registered(add_mixture, seqio.MixtureRegistry),
    pytest.raises(InputError, match="different vocabularies"),
  ):
    reader("toy_babel")


@pytest.mark.parametrize(
  "changes", [{"seq_len": 1}, {"batch_size": 0}, {"seed": -1}, {"seed": 2**32}]
)
def test_a_config_that_cannot_work_is_refused(changes):
  with pytest.raises(InputError, match=r"SEQ_LEN is|the seed is"):
    reader(**changes)


# The fingerprint.


def fingerprint(*, corpus="toy_code", documents=toy.CODE, objective=CLM, rate=1.0, **config) -> str:
  """Of a mixture that always has the same name, and so do its tasks."""

  def add_task():
    return build.add_task("toy_changing", toy.ToySource(corpus, documents), objective)

  def add_mixture():
    return build.add_mixture("toy_changing_mix", {"toy_changing": rate, "toy_prose_clm": 1.0})

  with registered(add_task, seqio.TaskRegistry), registered(add_mixture, seqio.MixtureRegistry):
    return reader("toy_changing_mix", **config).fingerprint


@pytest.mark.parametrize(
  "changes",
  [
    {"corpus": "toy_renamed"},  # the order of rows is drawn by the corpus's name
    {"documents": {**toy.CODE, "train": {"a.py": [1]}}},
    {"objective": PrefixLM()},
    {"rate": 0.5},
    {"seed": 1},
    {"seq_len": L + 1},
    {"batch_size": 2},
    {"split": "validation"},
    {"separate_documents": False},
  ],
  ids=lambda changes: next(iter(changes)),
)
def test_the_fingerprint_changes_with(changes):
  assert fingerprint() == fingerprint() != fingerprint(**changes)


def test_a_row_whose_documents_read_each_other_is_measured_as_one():
  config = DataConfig("toy_code_clm", 16, 2, split="train", separate_documents=False)
  for batch, paths in in_order(Reader(config)):
    assert all(len(documents) == 1 for documents in paths)
    assert int(batch.segment_ids.max()) == 1
