"""Rows as seqio's features: the preprocessor that makes them, and the way back to a `Batch`."""

from collections.abc import Mapping

import numpy as np

from codegen_jax.data.batching import FIELDS, to_row
from codegen_jax.data.rows import RowSource
from codegen_jax.errors import InputError
from codegen_jax.types import Array, Batch

# The names that seqio's pre-packed converters know, so that their users can read these tasks too.
SEQIO_NAMES = {
  "inputs": "decoder_input_tokens",
  "targets": "decoder_target_tokens",
  "loss_mask": "decoder_loss_weights",
  "prefix_mask": "decoder_causal_attention",  # 1 is open to both directions, whatever the name says
  "segment_ids": "decoder_segment_ids",
  "positions": "decoder_positions",
}


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
    epochs = -1 if source.epochs is None else source.epochs  # -1: all that arrive
    return dataset.take(epochs).enumerate().flat_map(rows_of_epoch)

  return preprocessor


def as_batch(features: Mapping[str, Array]) -> Batch:
  """What seqio yields for such a task, in batches, under our names."""
  masks = {"loss_mask", "prefix_mask"}
  read = {ours: features[theirs] for ours, theirs in SEQIO_NAMES.items()}
  return Batch(**{name: x.astype(bool) if name in masks else x for name, x in read.items()})
