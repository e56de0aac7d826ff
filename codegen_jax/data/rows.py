"""A seqio data source whose rows have an index: row i of epoch e is made of (seed, task, e, i).

seqio draws noise by the position in a stream: with one seed, every host and every task of a mixture
gets the same noise, and a stream cannot be entered in the middle.  Here nothing is a stream.
"""

from collections.abc import Callable, Mapping
import dataclasses
from fractions import Fraction
import functools
import secrets
from typing import Any, Literal, NotRequired, TypedDict, Unpack, get_args

import numpy as np
import seqio

from codegen_jax.data import order
from codegen_jax.data.cut import (
  Cut,
  WholeDocuments,
  documents_in_a_row,
  stride,
  stride_for_documents,
  whole_documents,
)
from codegen_jax.data.objectives import Choose, Example, Objective
from codegen_jax.data.token_store import TokenStore
from codegen_jax.errors import InputError

Level = Literal["context", "document", "whole"]


class Where(TypedDict):
  """A row of a task: `row` counts in the order of its epoch, or in the corpus's without shuffle.

  With `share` an epoch has so many rows, those of one draw, and no others.
  """

  seed: int
  epoch: int
  row: int
  length: int
  shuffle: NotRequired[bool]
  share: NotRequired[int]


class RowSource(seqio.DataSource):
  """All documents of a split end to end, cut into rows, each row handed to an objective.

  The order of an epoch depends on the corpus and not on the task, so that two arms which differ in
  their objective read the same text in the same order; the noise depends on the task.

  Args:
    task: its name.
    corpus: the name that the order is drawn under.
    splits: what opens the tokens of each split.
    objective: what each row is handed to.
    record: what a result says of the corpus.
    level: "context": documents are cut into rows, and then the objective sees them.  "document": it
      sees each document whole, and what it made of it is cut.  "whole": no document is cut, and a
      row ends where the next one does not fit.
    epochs: how many times the corpus may be read; without end where it is None.
    noise: the name that the noise is drawn under, where it is not the task's own.
  """

  def __init__(
    self,
    task: str,
    *,
    corpus: str,
    splits: Mapping[str, Callable[[], TokenStore]],
    objective: Objective,
    record: Callable[[], dict[str, Any]] = dict,
    level: Level = "context",
    epochs: int | None = None,
    noise: str = "",
  ):
    if level not in get_args(Level) or (epochs is not None and epochs < 1):
      raise InputError(
        f"the task {task} has level={level!r} and epochs={epochs}; a level is 'context',"
        " 'document' or 'whole', and a corpus is read once or more"
      )
    if " at 0x" in repr(objective):
      raise InputError(
        f"the objective of the task {task} is {objective!r}, which does not tell its settings, so"
        " no run could be continued with it; make it a frozen dataclass"
      )
    super().__init__(
      splits=tuple(splits), caching_permitted=False, performs_internal_shuffling=True
    )
    self.task = task
    self.noise = noise or task
    self.corpus = corpus
    self.objective = objective
    self.record = record
    self.level = level
    self.epochs = epochs
    self._stores = dict(splits)

  @property
  def identity(self) -> str:
    """What decides its noise."""
    return self.task if self.noise == self.task else f"{self.task} with the noise of {self.noise}"

  def under(self, task: str, objective: Objective) -> "RowSource":
    """The same rows, handed to another objective."""
    return RowSource(
      task,
      corpus=self.corpus,
      splits=self._stores,
      objective=objective,
      record=self.record,
      level=self.level,
      epochs=self.epochs,
    )

  def store(self, split: str) -> TokenStore:
    if split not in self._stores:
      raise InputError(
        f"the task {self.task} has no split {split!r}; its splits are {', '.join(self._stores)}"
      )
    return self._stores[split]()

  def document(self, split: str, number: int) -> Example:
    """A document whole, as it is stored."""
    store = self.store(split)
    tokens, _ = store.slice(*store.offsets[number : number + 2].tolist())
    return Example.plain(tokens, np.ones(len(tokens), np.int32))

  @functools.lru_cache  # noqa: B019 (a source lives as long as the process)
  def cut(self, split: str, length: int) -> Cut | WholeDocuments:
    """How the split is cut into rows.

    Raises:
      InputError: the objective cannot work on such rows.
    """
    store = self.store(split)
    if self.level == "whole":
      return self._of_whole(store, length)
    deal: tuple[Objective, ...] = (self.objective,)
    if isinstance(self.objective, Choose) and self.level == "context":
      deal = self.objective.deal
    documents = documents_in_a_row(store, length)
    strides = []
    for objective in deal:
      if self.level == "context":
        strides.append(stride(objective, length, documents))
      else:
        strides.append(stride_for_documents(objective, length, store))
      try:
        objective.check(strides[-1], documents)
      except InputError as error:
        raise InputError(f"the task {self.task}: {error}") from error
    return Cut(deal, tuple(strides), store.num_tokens)

  def _of_whole(self, store: TokenStore, length: int) -> WholeDocuments:
    try:
      self.objective.check(length)
      return whole_documents(store, length, self.objective)
    except InputError as error:
      raise InputError(f"the task {self.task}: {error}") from error

  def num_rows(self, split: str, length: int) -> int:
    """Rows of one epoch; the last one is shorter where the tokens do not divide."""
    return self.cut(split, length).num_rows

  def tokens_per_row(self, split: str, length: int) -> Fraction:
    """Of the corpus: fewer than a row holds where the objective adds some."""
    return self.cut(split, length).tokens_per_row

  def place(self, split: str, **where: Unpack[Where]) -> slice:
    """Which tokens of the split a row holds."""
    return self._find(split, **where)[1]

  def _find(self, split: str, **where: Unpack[Where]) -> tuple[Objective, slice]:
    cut, row = self.cut(split, where["length"]), where["row"]
    if where.get("shuffle", True):
      key = order.stable_hash(where["seed"], self.corpus, where["epoch"])
      row = order.permuted(row, where.get("share", cut.num_rows), key)
      if "share" in where:
        row = cut.drawn(row, order.stable_hash(where["seed"], self.corpus, "share"))
    return cut.find(row, order.stable_hash(where["seed"], self.noise, where["epoch"]))

  def example(self, split: str, **where: Unpack[Where]) -> Example:
    objective, place = self._find(split, **where)
    if self.level == "document":
      return self._of_whole_documents(split, place, where)
    tokens, documents = self.store(split).slice(place.start, place.stop)
    room = where["length"] - len(tokens)
    plain = Example.plain(tokens, documents - documents[0] + 1, room=room)
    seed, epoch, row = where["seed"], where["epoch"], where["row"]
    return objective(plain, order.generator(seed=seed, task=self.noise, epoch=epoch, row=row))

  def _of_whole_documents(self, split: str, place: slice, where: Where) -> Example:
    """What the objective makes of each document, in the row's share of it.

    A document that grows does so in proportion in each of its rows, so that a row is found without
    making those before it:

        document   a b c d e f g h        made of it   A B C D E F G H I J
        rows       [a b c d] [e f g h]    rows         [A B C D E] [F G H I J]
    """
    store, parts = self.store(split), []
    first, last = store.document_at(place.start), store.document_at(place.stop - 1)
    for segment, document in enumerate(range(first, last + 1), 1):
      begin, end = store.offsets[document : document + 2].tolist()
      made = self._of_document(split, document, where["seed"], where["epoch"], where["length"])
      n, grown = end - begin, len(made.tokens)
      start, stop = max(place.start - begin, 0), min(place.stop, end) - begin
      part = made.part(slice(start * grown // n, stop * grown // n))
      numbered = np.full(len(part.tokens), segment, np.int32)
      told = part.changes if place.start <= begin else ()  # once: where the document begins
      changes = tuple(dataclasses.replace(change, segment=segment) for change in told)
      parts.append(dataclasses.replace(part, segment_ids=numbered, changes=changes))
    return Example.joined(parts)

  @functools.lru_cache(256)  # noqa: B019 (rows that share a document are often far apart)
  def _of_document(self, split: str, document: int, seed: int, epoch: int, length: int) -> Example:
    store, (stride,) = self.store(split), self.cut(split, length).strides
    tokens, _ = store.slice(*store.offsets[document : document + 2].tolist())
    n = len(tokens)
    # Rounding adds a token at the most where a row cuts into a document, so at both its ends.
    room = max(n * (length - 2) // stride - n, 0)
    plain = Example.plain(tokens, np.ones(n, np.int32), room=room)
    name = f"{self.noise} document"
    noise = order.generator(seed=seed, task=name, epoch=epoch, row=document)
    return self.objective(plain, noise)

  def paths(self, split: str, **where: Unpack[Where]) -> tuple[str, ...]:
    """The documents of a row, as segments 1, 2, ... number them."""
    store, place = self.store(split), self.place(split, **where)
    first, last = store.document_at(place.start), store.document_at(place.stop - 1)
    return store.paths[first : last + 1]

  # What seqio asks of a source.  It knows neither the row length nor the epoch, so the source hands
  # on what it was told and `seqio_rows.read_rows`, which knows both, makes the rows.

  @property
  def supports_arbitrary_sharding(self) -> bool:
    return True

  def list_shards(self, split: str) -> list[str]:
    return [split]

  def get_dataset(
    self, split="train", shuffle=True, seed=None, shard_info=None, *, sequence_length=None,
    use_cached=False, num_epochs=1,
  ):  # fmt: skip
    import tensorflow as tf

    shard = shard_info or seqio.ShardInfo(0, 1)
    numbers = {
      "seed": secrets.randbits(31) if seed is None else seed,
      "shard": shard.index,
      "num_shards": shard.num_shards,
    }
    # tf.data counts in int64 and does not convert what is less.
    numbers = {name: tf.convert_to_tensor(n, tf.int64) for name, n in numbers.items()}
    return tf.data.Dataset.from_tensors({"split": split, "shuffle": shuffle, **numbers})
