"""Held-out bits per byte: how many bits a model needs to write down text that it never saw."""

from collections.abc import Callable, Iterable, Mapping
import math
from typing import Any, NamedTuple

from jaxtyping import Bool, Float, Int
import numpy as np

from codegen_jax.evaluation import languages
from codegen_jax.types import Array, Batch

Score = Callable[[Batch], tuple[Float[Array, "B L"], Bool[Array, "B L"]]]


class DocumentScore(NamedTuple):
  """bits: needed for the scored tokens.  bytes: of UTF-8 that they stand for."""

  bits: float
  bytes: int
  tokens: int


def score_documents(
  score: Score,
  batches: Iterable[tuple[Batch, list[tuple[str, ...]]]],
  token_num_bytes: Int[np.ndarray, " V"],
) -> dict[str, DocumentScore]:
  """Sums over the scored targets of each document.

  A document of which no byte was scored (a prompt that stops just before its end) is left out: per
  byte it says nothing.

  Args:
    score: batch -> nats of each target, and which targets count.
    batches: batches with, for each row, the documents that its segments 1, 2, ... are.
    token_num_bytes: UTF-8 bytes that each id stands for.  The end of a document stands for none:
      its bits count, because saying that a file ends here is part of writing it down.
  """
  totals: dict[str, list[Any]] = {}
  for batch, paths in batches:
    nats, counts = score(batch)
    segments = np.asarray(batch.segment_ids)
    num_bytes = token_num_bytes[np.asarray(batch.targets)]
    for row, documents in enumerate(paths):
      for segment, document in enumerate(documents, start=1):
        here = counts[row] & (segments[row] == segment)
        total = totals.setdefault(document, [0.0, 0, 0])
        total[0] += float(np.sum(nats[row], where=here, dtype=np.float64)) / math.log(2)
        total[1] += int(np.sum(num_bytes[row], where=here))
        total[2] += int(np.sum(here))
  return {path: DocumentScore(*total) for path, total in totals.items() if total[1]}


def bits_per_byte(documents: Mapping[str, DocumentScore]) -> float:
  """Over all documents together, so that a long file weighs more than a short one."""
  return sum(d.bits for d in documents.values()) / sum(d.bytes for d in documents.values())


def by_language(documents: Mapping[str, DocumentScore]) -> dict[str, dict[str, DocumentScore]]:
  """The documents of each language, in alphabetical order of the languages."""
  found: dict[str, dict[str, DocumentScore]] = {}
  for path, score in documents.items():
    found.setdefault(languages.language(path), {})[path] = score
  return dict(sorted(found.items()))
