"""Rows of these tasks as t5x reads them: seqio's stream under t5x's names, or batches by index."""

from collections.abc import Callable, Generator, Mapping
import itertools
import json
import os
import re
from typing import Any

from clu.data import dataset_iterator
from etils import epath
import numpy as np
import seqio

from codegen_jax.data import pipeline
from codegen_jax.data.pipeline import DataConfig, Reader
from codegen_jax.data.prefetch import prefetch
from codegen_jax.data.seqio_rows import SEQIO_NAMES
from codegen_jax.errors import InputError
from codegen_jax.types import Batch

Features = dict[str, np.ndarray]


class RowConverter(seqio.PassThroughFeatureConverter):
  """Hands on the six arrays that a row of these tasks already is, each of shape [L].

  L is what `task_feature_lengths` add up to.  Nothing is packed, shifted or cut: `batching.to_row`
  has done that, and knows no padding id.
  """

  def __call__(self, ds, task_feature_lengths: Mapping[str, int]):
    import tensorflow as tf

    length = sum(task_feature_lengths.values())
    if missing := SEQIO_NAMES.values() - ds.element_spec.keys():
      raise InputError(
        f"the rows have no {', '.join(sorted(missing))}, so they are no rows of this project; name"
        " a task that tasks.build.add_task made"
      )
    return ds.map(
      lambda row: {name: tf.ensure_shape(row[name], [length]) for name in SEQIO_NAMES.values()},
      num_parallel_calls=tf.data.AUTOTUNE,
    )

  def get_model_feature_lengths(self, task_feature_lengths: Mapping[str, int]) -> dict[str, int]:
    return dict.fromkeys(SEQIO_NAMES.values(), sum(task_feature_lengths.values()))


class Batches(dataset_iterator.DatasetIterator):
  """The batches of a mixture by number, from 0 or where a checkpoint left off.

  Args:
    reader: the mixture.
    rows: the places inside each batch that this host makes.
  """

  def __init__(self, reader: Reader, rows: range):
    self._reader, self._rows, self._next = reader, rows, 0
    self._made: Generator[Batch, None, None] | None = None

  def __next__(self) -> Features:
    if self._made is None:
      numbers = itertools.count(self._next)
      self._made = prefetch(pipeline.batches(self._reader, self._rows, numbers=numbers))
    batch = next(self._made)
    self._next += 1
    return as_features(batch)

  @property
  def element_spec(self) -> dict[str, Any]:
    shape = (len(self._rows), self._reader.config.seq_len)
    return dict.fromkeys(
      SEQIO_NAMES.values(), dataset_iterator.ArraySpec(np.dtype(np.int32), shape)
    )

  def reset(self) -> None:
    self._go_to(0)

  def save(self, filename: str | os.PathLike[str]) -> None:
    told = {"next_batch": self._next, "fingerprint": self._reader.fingerprint}
    epath.Path(filename).write_text(json.dumps(told))

  def restore(self, filename: str | os.PathLike[str]) -> None:
    """Goes to the batch that was next when the file was saved.

    Raises:
      InputError: the data has changed since.
    """
    told = json.loads(epath.Path(filename).read_text())
    if told["fingerprint"] != self._reader.fingerprint:
      raise InputError(
        f"{filename} was saved while training on other data: the corpus, the objectives, their"
        " rates or the reading of them has changed; continue with what it was, or take a new"
        " MODEL_DIR"
      )
    # t5x looks at the first batch ahead of its step, and may save before it takes that step.
    step = re.search(r"checkpoint_(\d+)/", str(filename))
    self._go_to(min(told["next_batch"], int(step[1]) if step else told["next_batch"]))

  def _go_to(self, number: int) -> None:
    if self._made is not None:
      self._made.close()
    self._made, self._next = None, number


def as_features(batch: Batch) -> Features:
  """A batch under the names that seqio and t5x have for its arrays, all int32: [B, L]."""
  return {
    theirs: np.asarray(getattr(batch, ours), np.int32) for ours, theirs in SEQIO_NAMES.items()
  }


def get_dataset(
  cfg: Any,  # t5x.utils.DatasetConfig
  shard_id: int,
  num_shards: int,
  feature_converter_cls: Callable[..., seqio.FeatureConverter],
  num_epochs: int | None = None,
  continue_from_last_checkpoint: bool = False,
  *,
  separate_documents: bool = True,
) -> Batches:
  """t5x's `get_dataset_fn` that reads as this project's own loop does, batch for batch.

  seqio's stream would mix the tasks of a mixture by its own dice and by rows.  Here batch i is the
  same whoever trains, on any number of hosts, and a checkpoint holds its number.

  Args:
    cfg: t5x's DatasetConfig; of it the mixture, the lengths (whose sum is L), the split, the batch
      size and the seed are read.
    shard_id: which part of each batch this host makes.
    num_shards: parts of a batch.
    feature_converter_cls: unused, there is nothing to convert.
    num_epochs: unused, a task knows how often its corpus may be read.
    continue_from_last_checkpoint: unused, t5x restores what was saved.
    separate_documents: as in `DataConfig`.

  Raises:
    InputError: there is no such mixture, the seed is missing, the rows are not to be shuffled, or
      the batch does not divide.
  """
  del feature_converter_cls, num_epochs, continue_from_last_checkpoint
  if cfg.seed is None or not cfg.shuffle:
    raise InputError(
      f"the DatasetConfig of {cfg.mixture_or_task_name} has seed={cfg.seed} and"
      f" shuffle={cfg.shuffle}; rows have an order by their seed: set a number, and shuffle = True"
    )
  if cfg.batch_size % num_shards:
    raise InputError(
      f"BATCH_SIZE is {cfg.batch_size} rows, which {num_shards} hosts cannot share evenly; choose a"
      " multiple"
    )
  config = DataConfig(
    mixture=cfg.mixture_or_task_name,
    seq_len=sum(cfg.task_feature_lengths.values()),
    batch_size=cfg.batch_size,
    seed=cfg.seed,
    split=cfg.split,
    separate_documents=separate_documents,
  )
  each = cfg.batch_size // num_shards
  return Batches(Reader(config), range(shard_id * each, (shard_id + 1) * each))
