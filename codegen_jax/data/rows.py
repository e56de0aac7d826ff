"""A seqio data source whose rows have an index: row i of epoch e is made of (seed, task, e, i).

seqio draws noise by the position in a stream: with one seed, every host and every task of a mixture
gets the same noise, and a stream cannot be entered in the middle.  Here nothing is a stream.
"""

from collections.abc import Callable, Mapping
import secrets
from typing import Any

import numpy as np
import seqio

from codegen_jax.data import order
from codegen_jax.data.batching import FIELDS, to_row
from codegen_jax.data.objectives import Example, Objective
from codegen_jax.data.token_store import TokenStore
from codegen_jax.errors import InputError
from codegen_jax.types import Batch

# The names that seqio's pre-packed converters know, so that their users can read these tasks too.
SEQIO_NAMES = {
  "inputs": "decoder_input_tokens",
  "targets": "decoder_target_tokens",
  "loss_mask": "decoder_loss_weights",
  "prefix_mask": "decoder_causal_attention",  # 1 is open to both directions, whatever the name says
  "segment_ids": "decoder_segment_ids",
  "positions": "decoder_positions",
}


class RowSource(seqio.DataSource):
  """All documents of a split end to end, cut into rows, each row handed to an objective.

  The order of an epoch depends on the corpus and not on the task, so that two arms which differ in
  their objective read the same text in the same order; the noise depends on the task.
  """

  def __init__(
    self,
    task: str,
    *,
    corpus: str,
    splits: Mapping[str, Callable[[], TokenStore]],
    objective: Objective,
    record: Callable[[], dict[str, Any]] = dict,
  ):
    if " at 0x" in repr(objective):
      raise InputError(
        f"the objective of the task {task} is {objective!r}, which does not tell its settings, so"
        " no run could be continued with it; make it a frozen dataclass"
      )
    super().__init__(
      splits=tuple(splits), caching_permitted=False, performs_internal_shuffling=True
    )
    self.task = task
    self.corpus = corpus
    self.objective = objective
    self.record = record  # what a result says of the corpus
    self._stores = dict(splits)

  def store(self, split: str) -> TokenStore:
    if split not in self._stores:
      raise InputError(
        f"the task {self.task} has no split {split!r}; its splits are {', '.join(self._stores)}"
      )
    return self._stores[split]()

  def num_rows(self, split: str, length: int) -> int:
    """Rows of one epoch; the last one is shorter where the tokens do not divide."""
    return -(-self.store(split).num_tokens // length)

  def place(self, split: str, *, seed: int, epoch: int, row: int, length: int) -> slice:
    """Which tokens of the split the row-th row of a shuffled epoch holds."""
    key = order.stable_hash(seed, self.corpus, epoch)
    return self._cut(split, order.permuted(row, self.num_rows(split, length), key), length)

  def example(
    self, split: str, *, seed: int, epoch: int, row: int, length: int, shuffle: bool = True
  ) -> Example:
    if shuffle:
      where = self.place(split, seed=seed, epoch=epoch, row=row, length=length)
    else:
      where = self._cut(split, row, length)
    tokens, documents = self.store(split).slice(where.start, where.stop)
    plain = Example.plain(tokens, documents - documents[0] + 1)
    return self.objective(plain, order.generator(seed=seed, task=self.task, epoch=epoch, row=row))

  def paths(self, split: str, *, row: int, length: int) -> tuple[str, ...]:
    """The documents of a row in file order, as segments 1, 2, ... number them."""
    store, where = self.store(split), self._cut(split, row, length)
    first, last = store.document_at(where.start), store.document_at(where.stop - 1)
    return store.paths[first : last + 1]

  def _cut(self, split: str, piece: int, length: int) -> slice:
    return slice(piece * length, min((piece + 1) * length, self.store(split).num_tokens))

  # What seqio asks of a source.  It knows neither the row length nor the epoch, so the source hands
  # on what it was told and `read_rows`, which knows both, makes the rows.

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


def read_rows(source: RowSource):
  """The seqio preprocessor that turns what a RowSource hands on into rows."""

  def preprocessor(dataset, sequence_length):
    import tensorflow as tf

    if not sequence_length or "targets" not in sequence_length:
      raise InputError(
        f"the task {source.task} needs a row length: sequence_length={{'targets': L}}"
      )
    length = sequence_length["targets"] + sequence_length.get("inputs", 0)

    def rows_of_epoch(epoch, told):
      split = told["split"]
      count = tf.numpy_function(
        lambda split: np.int64(source.num_rows(split.decode(), length)), [split], tf.int64, False
      )
      rows = tf.data.Dataset.range(count).shard(told["num_shards"], told["shard"])

      def one(row):
        keys = [split, told["shuffle"], told["seed"], epoch, row]
        values = tf.numpy_function(read, keys, [tf.int32] * len(FIELDS), stateful=False)
        for value in values:
          value.set_shape([length])
        return dict(zip(SEQIO_NAMES.values(), values, strict=True))

      return rows.map(one, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

    def read(split, shuffle, seed, epoch, row):
      where = {"seed": int(seed), "epoch": int(epoch), "row": int(row)}
      example = source.example(split.decode(), length=length, shuffle=bool(shuffle), **where)
      made = to_row(example, length)
      return [getattr(made, name)[0].astype(np.int32) for name in SEQIO_NAMES]

    # seqio repeats the source once an epoch, so what arrives is numbered by epoch.
    return dataset.enumerate().flat_map(rows_of_epoch)

  return preprocessor


def as_batch(features: Mapping[str, np.ndarray]) -> Batch:
  """What seqio yields for such a task, in batches, under our names."""
  masks = {"loss_mask", "prefix_mask"}
  read = {ours: np.asarray(features[theirs]) for ours, theirs in SEQIO_NAMES.items()}
  return Batch(**{name: x.astype(bool) if name in masks else x for name, x in read.items()})
