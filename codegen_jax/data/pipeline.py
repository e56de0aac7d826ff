"""From the name of a mixture to batches, by index: a run's place in its data is one integer."""

import bisect
from collections.abc import Iterable, Iterator
import dataclasses
import functools
import hashlib
import itertools
import json
import math
from typing import Any

import seqio

from codegen_jax.data import mixture, order
from codegen_jax.data.batching import empty_row, stack, to_batch, to_row
from codegen_jax.data.objectives import Answer, Example
from codegen_jax.data.rows import RowSource, Where
from codegen_jax.errors import InputError
from codegen_jax.types import Batch


@dataclasses.dataclass(frozen=True)
class DataConfig:
  """What is read.

  Attributes:
    mixture: name of a seqio task or mixture made by `tasks.build`.
    seq_len: L, tokens of a row.
    batch_size: B, rows of a batch, over all hosts.
    seed: of the order of rows and of the objectives' noise.
    split: "train" or "validation".
    separate_documents: documents of a row cannot read each other.  CodeGen's could.
    distinct_batches: the text of so many batches, drawn by the seed, is all that is read: it comes
      again and again, in a new order and with new noise each time.  0: all of the corpus.
  """

  mixture: str
  seq_len: int
  batch_size: int
  seed: int = 0
  split: str = "train"
  separate_documents: bool = True
  distinct_batches: int = 0

  def __post_init__(self):
    if self.distinct_batches < 0:
      raise InputError(
        f"DISTINCT_BATCHES is {self.distinct_batches}; give the batches whose text is read, or 0"
      )
    if self.seq_len < 2 or self.batch_size < 1:
      raise InputError(
        f"SEQ_LEN is {self.seq_len} and BATCH_SIZE {self.batch_size}; a row needs 2 tokens and a"
        " batch 1 row"
      )
    if not 0 <= self.seed < 2**32:
      raise InputError(f"the seed is {self.seed}; it must lie between 0 and 2**32 - 1")


@dataclasses.dataclass
class Left:
  """Documents that an objective did not change as it should have, for one reason."""

  documents: int = 0
  first: str = ""


@dataclasses.dataclass(frozen=True)
class Row:
  """A row as the model is handed it, and how it was made; what is asked for is looked up."""

  source: RowSource
  split: str
  where: Where
  example: Example  # as the objective made it
  separate_documents: bool

  @functools.cached_property
  def batch(self) -> Batch:
    """The example, shifted and padded: [1, L]."""
    separate = self.separate_documents
    return to_row(self.example, self.where["length"], separate_documents=separate)

  @property
  def task(self) -> str:
    return self.source.task

  @property
  def num_read(self) -> int:
    """Tokens of the corpus that the row was made of."""
    place = self.source.place(self.split, **self.where)
    return place.stop - place.start

  @property
  def paths(self) -> tuple[str, ...]:
    """Its documents, as segments 1, 2, ... of the example number them."""
    return self.source.paths(self.split, **self.where)


class Reader:
  """The rows of a mixture, each addressed by its index."""

  def __init__(self, config: DataConfig):
    self.config = config
    self._tasks, self._rates = mixture.resolve(config.mixture)
    self._sources = [task.source for task in self._tasks]
    # Opened here, so that a missing corpus stops a run before anything is compiled.
    for task in self._tasks:
      mixture.check_vocabulary(task, config.split)
    where = config.split, config.seq_len
    self._sizes = [source.num_rows(*where) for source in self._sources]
    # Rates are shares of the text that is read, and rows of different objectives take more or less.
    tokens = [source.tokens_per_row(*where) for source in self._sources]
    rows = [rate / per_row for rate, per_row in zip(self._rates, tokens, strict=True)]
    whole = math.lcm(*(rate.denominator for rate in rows))
    self._rows_rates = [int(rate * whole) for rate in rows]
    self._shares = self._shares_of(config.distinct_batches * config.batch_size)
    self.left: dict[tuple[str, str], Left] = {}

  def _shares_of(self, num_rows: int) -> list[int]:
    """Rows of each task that are read in one pass: all of them, or what makes so many rows."""
    if not num_rows:
      return self._sizes
    rows = []
    for source, share in zip(self._sources, order.counts(num_rows, self._rows_rates), strict=True):
      cut = source.cut(self.config.split, self.config.seq_len)
      rows.append(cut.whole_hands(share))
      if rows[-1] > cut.num_drawn:
        raise InputError(
          f"DISTINCT_BATCHES is {self.config.distinct_batches}, for which the task {source.task}"
          f" needs {rows[-1]} rows, and has {cut.num_drawn}; lower it, or read all by 0"
        )
    return rows

  @property
  def in_place(self) -> bool:
    """Whether targets are what stands in each place (masked language modelling), not what comes."""
    return self._sources[0].objective.in_place

  @property
  def vocabulary(self) -> seqio.Vocabulary:
    return mixture.vocabulary(self._tasks[0])

  @property
  def num_rows(self) -> int:
    """Rows of one epoch, over all tasks."""
    return sum(self._sizes)

  def row(self, index: int) -> Batch:
    """Row `index` of the endless, shuffled mixture."""
    return self.inspect(index).batch

  def inspect(self, index: int) -> Row:
    """The same row with how it was made."""
    task, count = order.locate(index, self._rows_rates)
    epoch, row = divmod(count, self._shares[task])
    return self._read(task, epoch=epoch, row=row, shuffle=True)

  @property
  def labels(self) -> tuple[str, ...]:
    """What answers may be, if every task asks for one of the same few."""
    labels = {answer.labels if answer else () for answer in self._answers}
    return labels.pop() if len(labels) == 1 else ()

  @property
  def choices(self) -> bool:
    """Whether every question comes with answers to choose from."""
    return all(answer is not None and answer.choices for answer in self._answers)

  @property
  def prompt_ids(self) -> tuple[int, ...]:
    """The tokens that stand before every question, for prompt tuning; none for other tasks."""
    ids = {tuple(answer.prompt_ids.tolist()) if answer else () for answer in self._answers}
    return ids.pop() if len(ids) == 1 else ()

  @property
  def _answers(self) -> list[Answer | None]:
    """What each task asks for, where it asks for answers."""
    inner = [getattr(source.objective, "objective", None) for source in self._sources]
    return [one if isinstance(one, Answer) else None for one in inner]

  def questions(self, most: int = 0) -> Iterator[tuple[Answer, str, Example]]:
    """Each document of tasks that ask for answers, as it is stored, with its path.

    With `most`, at most so many of each task, spread evenly.
    """
    for source in self._sources:
      store, answer = source.store(self.config.split), source.objective.objective
      chosen = min(store.num_documents, most) if most else store.num_documents
      for number in (i * store.num_documents // chosen for i in range(chosen)):
        yield answer, store.paths[number], source.document(self.config.split, number)

  def check_attention(self, attention: str) -> None:
    """Raises InputError for targets that this attention would see, or never learn to use."""
    if self.in_place != (attention == "bidirectional"):
      asks = "for tokens in their places" if self.in_place else "for next tokens"
      needs = "'bidirectional'" if self.in_place else "'causal' or 'prefix'"
      raise InputError(
        f"{self.config.mixture} asks {asks} and ATTENTION is {attention!r}; set it to {needs}, or"
        " choose another mixture"
      )

  def check_has(self, num_rows: int) -> None:
    """Raises InputError if a task that may be read so many times would be read more."""
    counts = order.counts(num_rows, self._rows_rates)
    for source, size, count in zip(self._sources, self._shares, counts, strict=True):
      if source.epochs is not None and count > size * source.epochs:
        raise InputError(
          f"the task {source.task} ends after {source.epochs} passes of {size} rows, and the run"
          f" reads {count} of it; lower TOTAL_STEPS to {self._last_batch(num_rows)} at the most"
        )

  def _last_batch(self, num_rows: int) -> int:
    """The largest number of batches, below so many rows, for which every task has rows enough."""

    def fits(num_batches: int) -> bool:
      counts = order.counts(num_batches * self.config.batch_size, self._rows_rates)
      return all(
        source.epochs is None or count <= size * source.epochs
        for source, size, count in zip(self._sources, self._shares, counts, strict=True)
      )

    batches = range(num_rows // self.config.batch_size + 1)
    return bisect.bisect_left(batches, True, key=lambda n: not fits(n)) - 1

  def rows_in_order(self, max_rows: int = 0) -> Iterator[tuple[Batch, tuple[str, ...]]]:
    """The rows of one epoch in the order of its files, with the paths of each row's documents.

    With `max_rows`, at most so many of each task, spread evenly over its files.
    """
    for task, (source, size) in enumerate(zip(self._sources, self._sizes, strict=True)):
      chosen = min(size, max_rows) if max_rows else size
      for number in (i * size // chosen for i in range(chosen)):
        row = self._read(task, epoch=0, row=number, shuffle=False)
        # Documents that read each other cannot be told apart by their scores: the row is the unit.
        apart = self.config.separate_documents
        yield row.batch, row.paths if apart else (f"row {number} of {source.task}",)

  def _read(self, task: int, *, epoch: int, row: int, shuffle: bool) -> Row:
    c, source = self.config, self._sources[task]
    where = Where(seed=c.seed, epoch=epoch, row=row, length=c.seq_len, shuffle=shuffle)
    if c.distinct_batches:
      where["share"] = self._shares[task]
    example = source.example(c.split, **where)
    read = Row(source, c.split, where, example, c.separate_documents)
    for change in example.changes:
      if change.left:
        told = self.left.setdefault((read.task, change.left), Left())
        told.documents += 1
        told.first = told.first or read.paths[change.segment - 1]
    return read

  def record(self) -> dict[str, Any]:
    """What a result says of its data: the mixture, and of each corpus version, size and hash."""
    tasks = zip(self._tasks, self._rates, strict=True)
    return {
      "mixture": self.config.mixture,
      "tasks": {task.name: float(rate) for task, rate in tasks},
      "fingerprint": self.fingerprint,
      "corpora": {source.corpus: source.record() for source in self._sources},
    }

  @functools.cached_property
  def fingerprint(self) -> str:
    """Changes with anything that changes a row: the data, the objectives, the rates, the config."""
    tasks = [
      [source.identity, source.corpus, source.store(self.config.split).fingerprint]
      + [str(rate), repr(source.objective), source.level]
      + [source.cut(self.config.split, self.config.seq_len).strides]
      for rate, source in zip(self._rates, self._sources, strict=True)
    ]
    told = json.dumps([tasks, dataclasses.asdict(self.config)])
    return hashlib.sha256(told.encode()).hexdigest()


def batches(
  reader: Reader, rows: range, *, numbers: Iterable[int] | None = None
) -> Iterator[Batch]:
  """Batches 0, 1, ..., or those of `numbers`; this host makes `rows`, places inside a batch."""
  config = reader.config
  for number in itertools.count() if numbers is None else numbers:
    first = number * config.batch_size
    examples = [reader.inspect(first + row).example for row in rows]
    yield to_batch(examples, config.seq_len, separate_documents=config.separate_documents)


def in_order(reader: Reader, *, max_rows: int = 0) -> Iterator[tuple[Batch, list[tuple[str, ...]]]]:
  """Whole batches over one epoch, each row once; the last batch is filled up with padding."""
  rows: list[Batch] = []
  paths: list[tuple[str, ...]] = []
  for row, documents in reader.rows_in_order(max_rows):
    rows.append(row)
    paths.append(documents)
    if len(rows) == reader.config.batch_size:
      yield stack(rows), paths
      rows, paths = [], []
  if rows:
    padding = [empty_row(reader.config.seq_len)] * (reader.config.batch_size - len(rows))
    yield stack(rows + padding), paths
