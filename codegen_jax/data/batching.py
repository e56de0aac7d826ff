"""Examples into rows, rows into a batch.  The only place where targets are shifted."""

from collections.abc import Sequence
import dataclasses

import numpy as np

from codegen_jax.data.objectives import Example
from codegen_jax.errors import InputError
from codegen_jax.types import Batch

FIELDS = tuple(field.name for field in dataclasses.fields(Batch))


def to_row(example: Example, length: int, *, separate_documents: bool = True) -> Batch:
  """One padded row, a batch of shape [1, L]: each token is paired with its successor.

      tokens       a b c d e        inputs       a b c d e .
      segment_ids  1 1 1 2 2        targets      b c . e . .
      loss_mask    1 1 1 1 1        loss_mask    1 1 0 1 0 0

  A document's last token has no target, and no document is scored on the first token of the next.
  Where an objective asks for `answers`, targets are these, each in its own place.
  With `separate_documents=False` the row is one document, as CodeGen's were: documents read each
  other and every token but the row's first is scored.
  """
  n = len(example.tokens)
  if n > length:
    raise InputError(
      f"an example of {n} tokens does not fit a row of {length}; give the objective shorter rows"
    )
  segments = example.segment_ids if separate_documents else np.ones_like(example.segment_ids)
  starts = np.flatnonzero(np.diff(segments, prepend=-1))
  lengths = np.diff(starts, append=n)
  same_document = np.diff(segments, append=-1) == 0
  if example.answers is None:
    targets = np.where(same_document, np.roll(example.tokens, -1), 0)
    loss_mask = np.roll(example.loss_mask, -1) & same_document
  else:
    targets, loss_mask = example.answers, example.loss_mask

  def padded(values: np.ndarray, dtype: type) -> np.ndarray:
    row: np.ndarray = np.zeros((1, length), dtype)
    row[0, :n] = values
    return row

  return Batch(
    inputs=padded(example.tokens, np.int32),
    targets=padded(targets, np.int32),
    loss_mask=padded(loss_mask, np.bool_),
    prefix_mask=padded(example.prefix_mask, np.bool_),
    segment_ids=padded(segments, np.int32),
    positions=padded(np.arange(n) - np.repeat(starts, lengths), np.int32),
  )


def empty_row(length: int) -> Batch:
  """Nothing but padding."""
  none = np.zeros(0, np.int32)
  return to_row(Example.plain(none, none), length)


def stack(rows: Sequence[Batch]) -> Batch:
  """Rows of [1, L] into a batch of [B, L]."""
  return Batch(**{name: np.concatenate([getattr(row, name) for row in rows]) for name in FIELDS})
