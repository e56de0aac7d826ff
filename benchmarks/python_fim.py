"""Fill in the middle as one would write it first: documents are lists, and lists are joined."""

from collections.abc import Iterable, Iterator
import itertools
import random

import numpy as np

from codegen_jax.data import special_tokens
from codegen_jax.data.objectives.sentinels import Vocabulary
from codegen_jax.types import Batch


def batches(
  documents: Iterable[list[int]], vocabulary: Vocabulary, *, length: int, size: int, seed: int
) -> Iterator[Batch]:
  """One pass over documents, each of which ends in <|endoftext|>, `size` packed rows at a time."""
  packed = rows(infilled(documents, vocabulary, length=length, seed=seed), length)
  while some := list(itertools.islice(packed, size)):
    yield batch(some, length)


def infilled(
  documents: Iterable[list[int]], vocabulary: Vocabulary, *, length: int, seed: int
) -> Iterator[tuple[list[int], int]]:
  """A b c d e f </s>  ->  <pre> a b <suf> e f <mid> c d </s>, and how much of it is prefix: 7."""
  pre, suf, mid, eos = (
    vocabulary.special_id(name)
    for name in (
      special_tokens.FIM_PREFIX,
      special_tokens.FIM_SUFFIX,
      special_tokens.FIM_MIDDLE,
      special_tokens.END_OF_TEXT,
    )
  )
  rng = random.Random(seed)
  for document in documents:
    for start in range(0, len(document), length - 3):
      piece = document[start : start + length - 3]
      end = [eos] if piece[-1] == eos else []
      body = piece[: len(piece) - len(end)]
      first, second = sorted((rng.randint(0, len(body)), rng.randint(0, len(body))))
      prefix, middle, suffix = body[:first], body[first:second], body[second:]
      opened = [pre] + prefix + [suf] + suffix + [mid]
      yield opened + middle + end, len(opened)


def rows(
  documents: Iterable[tuple[list[int], int]], length: int
) -> Iterator[list[tuple[list[int], int]]]:
  """Documents that fit a row together, as they come."""
  row: list[tuple[list[int], int]] = []
  used = 0
  for document in documents:
    if used + len(document[0]) > length:
      yield row
      row, used = [], 0
    row.append(document)
    used += len(document[0])
  if row:
    yield row


def batch(rows: list[list[tuple[list[int], int]]], length: int) -> Batch:
  columns: dict[str, list[list[int]]] = {name: [] for name in Batch.__dataclass_fields__}
  for row in rows:
    made: dict[str, list[int]] = {name: [] for name in columns}
    for segment, (tokens, prefix) in enumerate(row, 1):
      n = len(tokens)
      made["inputs"] += tokens
      made["targets"] += tokens[1:] + [0]
      made["loss_mask"] += [1] * (n - 1) + [0]
      made["prefix_mask"] += [1] * prefix + [0] * (n - prefix)
      made["segment_ids"] += [segment] * n
      made["positions"] += list(range(n))
    padding = [0] * (length - len(made["inputs"]))
    for name, values in made.items():
      columns[name].append(values + padding)
  masks = {"loss_mask", "prefix_mask"}
  return Batch(
    **{name: np.array(x, np.bool_ if name in masks else np.int32) for name, x in columns.items()}
  )
