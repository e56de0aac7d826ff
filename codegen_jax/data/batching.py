"""Examples into rows, rows into a batch.  The only place where targets are shifted."""

from collections.abc import Sequence
import dataclasses
import itertools

import numpy as np

from codegen_jax.data.objectives.example import Example, document_bounds
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
  return to_batch([example], length, separate_documents=separate_documents)


def to_batch(examples: Sequence[Example], length: int, *, separate_documents: bool = True) -> Batch:
  """The rows of several examples, in a batch that is made once and filled row by row: [B, L]."""
  batch = _padding(len(examples), length)
  for row, example in enumerate(examples):
    n = len(example.tokens)
    if n > length:
      raise InputError(
        f"an example of {n} tokens does not fit a row of {length}; give the objective shorter rows"
      )
    if n:
      _fill(batch, row, example, separate_documents)
  return batch


def _fill(batch: Batch, row: int, example: Example, separate_documents: bool) -> None:
  n, segments = len(example.tokens), example.segment_ids
  if not separate_documents:
    segments = np.ones_like(segments)
  batch.inputs[row, :n] = example.tokens
  batch.prefix_mask[row, :n] = example.prefix_mask
  batch.segment_ids[row, :n] = segments
  if example.answers is None:
    batch.targets[row, : n - 1] = example.tokens[1:]
    batch.loss_mask[row, : n - 1] = example.loss_mask[1:]
  else:
    batch.targets[row, :n] = example.answers
    batch.loss_mask[row, :n] = example.loss_mask
  count = np.arange(n)
  for start, stop in itertools.pairwise(document_bounds(segments)):
    batch.positions[row, start:stop] = count[: stop - start]
    if example.answers is None:
      batch.targets[row, stop - 1] = 0
      batch.loss_mask[row, stop - 1] = False


def empty_row(length: int) -> Batch:
  """Nothing but padding."""
  return _padding(1, length)


def _padding(rows: int, length: int) -> Batch:
  def of(dtype: type) -> np.ndarray:
    return np.zeros((rows, length), dtype)

  return Batch(
    inputs=of(np.int32),
    targets=of(np.int32),
    loss_mask=of(np.bool_),
    prefix_mask=of(np.bool_),
    segment_ids=of(np.int32),
    positions=of(np.int32),
  )


def stack(rows: Sequence[Batch]) -> Batch:
  """Rows of [1, L] into a batch of [B, L]."""
  return Batch(**{name: np.concatenate([getattr(row, name) for row in rows]) for name in FIELDS})
