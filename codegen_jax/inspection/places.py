"""A row as a list of documents, each a list of places: what stands there and what is asked for.

inputs     <pre>  a  <suf>  c  <mid>  b  </s>
prefix       1    1    1    1    1    0   0
scored       0    1    1    1    1    1   1      a token, not the place that predicts it
"""

from collections.abc import Sequence
import dataclasses

from jaxtyping import Bool
import numpy as np

from codegen_jax.data.pipeline import Row
from codegen_jax.inspection.spelling import Vocabulary, on_one_line, spell, visible


@dataclasses.dataclass(frozen=True)
class Place:
  """A token of a row.

  token     what the model reads there
  scored    whether it is scored on saying it: one place earlier, or here where it is `asked`
  asked     what it should say here, where it is asked for tokens in their places
  prefix    whether it belongs to a prefix
  special   whether it is a special token
  position  in its document, as the model counts
  """

  token: int
  scored: bool
  asked: int | None
  prefix: bool
  special: bool
  position: int


@dataclasses.dataclass(frozen=True)
class Document:
  """What a row holds of a document, or of several that were made into one."""

  segment: int
  paths: tuple[str, ...]
  places: tuple[Place, ...]

  @property
  def title(self) -> str:
    return visible(", ".join(self.paths))


@dataclasses.dataclass(frozen=True)
class Run:
  """Neighbours that are alike, as one text."""

  text: str
  asked: str | None
  scored: bool
  prefix: bool
  special: bool


def documents(
  row: Row, scored: Bool[np.ndarray, " L"], special: Bool[np.ndarray, " V"]
) -> list[Document]:
  """A row's documents, given which of its targets are scored."""
  example, inputs = row.example, row.batch.inputs[0]
  if example.answers is None:  # the target of a place stands one place further
    asked, scored_on = None, np.append(False, scored[:-1])
  else:
    asked, scored_on = row.batch.targets[0], scored
  segments = np.unique(example.segment_ids).tolist()
  found = []
  for segment in segments:
    where = np.flatnonzero(example.segment_ids == segment).tolist()
    places = tuple(
      Place(
        token=int(inputs[i]),
        scored=bool(scored_on[i]),
        asked=int(asked[i]) if asked is not None and scored_on[i] else None,
        prefix=bool(row.batch.prefix_mask[0, i]),
        special=bool(special[inputs[i]]),
        position=int(row.batch.positions[0, i]),
      )
      for i in where
    )
    # An objective that makes a row into one document numbers it like its first.
    stop = None if segment == segments[-1] else segment
    found.append(Document(segment, row.paths[segment - 1 : stop], places))
  return found


def runs(places: Sequence[Place], vocabulary: Vocabulary) -> list[Run]:
  """Places that are alike are spelled together: a character may be cut into several tokens."""
  found: list[Run] = []
  alike: list[Place] = []
  for place in [*places, None]:
    if alike and (place is None or _kind(place) != _kind(alike[0]) or place.asked is not None):
      first = alike[0]
      asked = first.asked if first.asked is None else answer(vocabulary, first.asked)
      text = spell(vocabulary, *(one.token for one in alike))
      found.append(Run(text, asked, first.scored, first.prefix, first.special))
      alike = []
    if place is not None:
      alike.append(place)
  return found


def answer(vocabulary: Vocabulary, asked: int) -> str:
  """What is asked for breaks no line: the model does not read it."""
  return on_one_line(spell(vocabulary, asked))


def _kind(place: Place) -> tuple[bool, ...]:
  return place.scored, place.prefix, place.special
