"""Which of a few labels a model finds likeliest, for texts that nobody trained on."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from codegen_jax.data import batching
from codegen_jax.data.objectives import Example
from codegen_jax.data.pipeline import Reader
from codegen_jax.errors import InputError
from codegen_jax.evaluation.perplexity import Score
from codegen_jax.types import Batch


class Asked(NamedTuple):
  """A text with one of the labels; `document` and `label` are numbers."""

  document: int
  label: int
  example: Example


def measure(reader: Reader, score: Score, *, max_documents: int = 0) -> dict[str, Any]:
  """Accuracy, F1 averaged over labels, and what was said of each document.

  Args:
    reader: of tasks whose answers are labels.
    score: batch -> nats of each target, and which targets count.
    max_documents: at most so many of each task, spread evenly; 0 is all.

  Raises:
    InputError: an answer is none of the labels, or two labels begin alike where one token is asked.
  """
  right: dict[int, int] = {}
  paths: dict[int, str] = {}
  asked = _asked(reader, max_documents, right, paths)
  said = {
    document: min(told, key=told.__getitem__)
    for document, told in nats(asked, reader, score).items()
  }
  labels = [label.strip() for label in reader.labels]
  return {
    "metrics": _metrics(said, right, len(labels)),
    "counts": {
      "documents": len(said),
      "labels": _by_label(labels, right),
      "said": _by_label(labels, said),
    },
    "documents": {paths[one]: [labels[said[one]], labels[right[one]]] for one in said},
  }


def nats(asked: Iterator[Asked], reader: Reader, score: Score) -> dict[int, dict[int, float]]:
  """Of each document, what each of its labels costs a model."""
  told: dict[int, dict[int, float]] = {}
  for batch, of in _batches(asked, reader.config.batch_size, reader.config.seq_len):
    found, counts = score(batch)
    segments = np.asarray(batch.segment_ids)
    for row, members in enumerate(of):
      for segment, one in enumerate(members, start=1):
        here = counts[row] & (segments[row] == segment)
        cost = float(np.sum(found[row], where=here, dtype=np.float64))
        told.setdefault(one.document, {})[one.label] = cost
  return told


def _asked(
  reader: Reader, max_documents: int, right: dict[int, int], paths: dict[int, str]
) -> Iterator[Asked]:
  """Every text with every label; notes which is right."""
  for number, (answer, path, example) in enumerate(reader.questions(max_documents)):
    labels = [np.array(answer.vocabulary.encode(label), np.int32) for label in reader.labels]
    if answer.hidden and len({ids[0] for ids in labels}) < len(labels):
      raise InputError(
        f"two of the labels {', '.join(reader.labels)} begin with the same token, and a hidden"
        " answer is one token; call them otherwise"
      )
    end = int(np.flatnonzero(example.tokens == answer.separator)[-1])
    told = example.tokens[end + 1 : -1].tolist()
    known = [ids.tolist() for ids in labels]
    if told not in known:
      raise InputError(f"the answer of {path} is none of the labels {', '.join(reader.labels)}")
    right[number], paths[number] = known.index(told), path
    for label, ids in enumerate(labels):
      yield Asked(number, label, answer.of(example, end, ids))


def _batches(
  asked: Iterator[Asked], batch_size: int, length: int
) -> Iterator[tuple[Batch, list[list[Asked]]]]:
  """As many to a row as fit."""
  rows: list[list[Asked]] = [[]]
  for one in asked:
    if sum(len(other.example.tokens) for other in (*rows[-1], one)) > length:
      rows.append([])
    if len(rows) > batch_size:
      yield _batch(rows[:-1], batch_size, length), rows[:-1]
      rows = rows[-1:]
    rows[-1].append(one)
  if rows[-1]:
    yield _batch(rows, batch_size, length), rows


def _batch(rows: Sequence[Sequence[Asked]], batch_size: int, length: int) -> Batch:
  made = [batching.to_row(_joined(row), length) for row in rows]
  return batching.stack(made + [batching.empty_row(length)] * (batch_size - len(rows)))


def _joined(row: Sequence[Asked]) -> Example:
  whole = Example.joined([one.example for one in row])
  sizes = [len(one.example.tokens) for one in row]
  numbers = np.arange(1, len(row) + 1, dtype=np.int32).repeat(sizes)
  return Example(whole.tokens, whole.loss_mask, whole.prefix_mask, numbers, whole.answers)


def _metrics(said: dict[int, int], right: dict[int, int], num_labels: int) -> dict[str, float]:
  pairs = Counter((right[one], said[one]) for one in said)
  hits = [pairs[label, label] for label in range(num_labels)]
  asked, told = Counter(right.values()), Counter(said.values())
  f1 = [
    2 * hits[label] / (asked[label] + told[label])
    for label in range(num_labels)
    if asked[label] + told[label]
  ]
  total = len(said)
  return {
    "accuracy": sum(hits) / total,
    "macro_f1": sum(f1) / len(f1),
    "majority": max(asked.values()) / total,  # what the commonest label alone would find
  }


def _by_label(labels: Sequence[str], of: dict[int, int]) -> dict[str, int]:
  counted = Counter(of.values())
  return {label: counted[number] for number, label in enumerate(labels)}
