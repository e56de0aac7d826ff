"""What rows hold, counted: of each task of a mixture, and of all."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
import dataclasses
import functools
import itertools
from typing import get_args

import numpy as np

from codegen_jax.data.objectives import Change
from codegen_jax.data.pipeline import DataConfig, Left, Reader, Row
from codegen_jax.models import masks
from codegen_jax.models.masks import Attention


@dataclasses.dataclass(frozen=True)
class Counts:
  """Of some rows.

  rows       how many
  places     in them, with padding
  tokens     places that are not padding
  read       tokens of the corpus that they were made of
  documents  whole or in part: one that two rows share counts in both
  prefix     tokens of prefixes
  scored     targets that are scored, by the attention that they are read with
  ratios     of each document that spans were taken out of, the share taken
  spans      lengths of spans -> how many
  left       why a document lost nothing, or less than was drawn -> how many, and the first
  """

  rows: int = 0
  places: int = 0
  tokens: int = 0
  read: int = 0
  documents: int = 0
  prefix: int = 0
  scored: Mapping[str, int] = dataclasses.field(default_factory=Counter)
  ratios: tuple[float, ...] = ()
  spans: Mapping[int, int] = dataclasses.field(default_factory=Counter)
  left: Mapping[str, Left] = dataclasses.field(default_factory=dict)

  @property
  def padding(self) -> int:
    return self.places - self.tokens

  @classmethod
  def sum(cls, parts: Sequence["Counts"]) -> "Counts":
    scored, spans, left = Counter[str](), Counter[int](), dict[str, Left]()
    for part in parts:
      scored.update(part.scored)
      spans.update(part.spans)
      for why, told in part.left.items():
        so_far = left.setdefault(why, Left(first=told.first))
        so_far.documents += told.documents
    names = ("rows", "places", "tokens", "read", "documents", "prefix")
    return cls(
      **{name: sum(getattr(part, name) for part in parts) for name in names},
      scored=scored,
      ratios=tuple(itertools.chain.from_iterable(part.ratios for part in parts)),
      spans=spans,
      left=left,
    )


@dataclasses.dataclass(frozen=True)
class Report:
  """The counts of each task of a mixture, and the share of the text that it was to have."""

  config: DataConfig
  attention: Attention
  epoch: int  # rows of one
  rates: Mapping[str, float]
  tasks: Mapping[str, Counts]

  @functools.cached_property
  def total(self) -> Counts:
    return Counts.sum(list(self.tasks.values()))

  @property
  def attentions(self) -> list[Attention]:
    """Those that these targets permit, the one that was asked for first."""
    permitted = _permitted(self.attention == "bidirectional")
    return sorted(permitted, key=lambda attention: attention != self.attention)


def tally(reader: Reader, rows: Iterable[int], attention: Attention) -> Report:
  """Counts the rows of these indices.

  Raises:
    InputError: the mixture's targets do not permit this attention.
  """
  reader.check_attention(attention)
  rates: dict[str, float] = reader.record()["tasks"]
  counts: dict[str, list[Counts]] = {task: [] for task in rates}
  for index in rows:
    row = reader.inspect(index)
    counts[row.task].append(_of_row(row, _permitted(reader.in_place)))
  tasks = {task: Counts.sum(parts) for task, parts in counts.items()}
  return Report(reader.config, attention, reader.num_rows, rates, tasks)


def _permitted(in_place: bool) -> list[Attention]:
  return [a for a in get_args(Attention) if (a == "bidirectional") == in_place]


def _of_row(row: Row, attentions: Sequence[Attention]) -> Counts:
  paths, batch = row.paths, row.batch
  changes = [(change, paths[change.segment - 1]) for change in row.example.changes]
  changed = [change for change, _ in changes if len(change.spans)]
  return Counts(
    rows=1,
    places=batch.inputs.size,
    tokens=int(np.count_nonzero(batch.segment_ids)),
    read=row.num_read,
    documents=len(paths),
    prefix=int(np.count_nonzero(batch.prefix_mask)),
    scored=Counter({a: int(masks.scored_targets(batch, a).sum()) for a in attentions}),
    ratios=tuple(int(change.spans.sum()) / change.num_tokens for change in changed),
    spans=Counter(length for change in changed for length in change.spans.tolist()),
    left=_left(changes),
  )


def _left(changes: Iterable[tuple[Change, str]]) -> dict[str, Left]:
  left: dict[str, Left] = {}
  for change, path in changes:
    if change.left:
      left.setdefault(change.left, Left(first=path)).documents += 1
  return left
