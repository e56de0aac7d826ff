"""What objectives map to each other, and what every objective is."""

import abc
from collections.abc import Sequence
import dataclasses

from jaxtyping import Bool, Int
import numpy as np

ANY_LENGTH = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Change:
  """What an objective did to one document: for reports; no row depends on it.

  segment     the document's number in its row
  num_tokens  of the document as it came, without the token that ends it
  spans       lengths of what was taken out of it, in tokens, in their order
  left        why it was left as it was, or lost less than was drawn; "" where nothing went amiss
  """

  segment: int
  num_tokens: int
  spans: Int[np.ndarray, " k"]
  left: str = ""


@dataclasses.dataclass(frozen=True)
class Example:
  """One document, or a row of several, before it is shifted and padded.

  tokens       what there is to read
  loss_mask    which tokens are scored when they are predicted
  prefix_mask  which tokens belong to a prefix that may be read both ways
  segment_ids  1, 2, ... number the documents
  answers      what stands in each place, where that is asked for and not the next token
  room         how many tokens an objective may add
  changes      what objectives did so far
  """

  tokens: Int[np.ndarray, " n"]
  loss_mask: Bool[np.ndarray, " n"]
  prefix_mask: Bool[np.ndarray, " n"]
  segment_ids: Int[np.ndarray, " n"]
  answers: Int[np.ndarray, " n"] | None = None
  room: int = ANY_LENGTH
  changes: tuple[Change, ...] = ()

  @classmethod
  def plain(
    cls,
    tokens: Int[np.ndarray, " n"],
    segment_ids: Int[np.ndarray, " n"],
    *,
    room: int = ANY_LENGTH,
  ) -> "Example":
    """Every token scored, no prefix: what an objective is handed."""
    n = len(tokens)
    return cls(tokens, np.ones(n, bool), np.zeros(n, bool), segment_ids, room=room)

  def part(self, where: slice, *, room: int = 0) -> "Example":
    answers = None if self.answers is None else self.answers[where]
    return Example(
      self.tokens[where],
      self.loss_mask[where],
      self.prefix_mask[where],
      self.segment_ids[where],
      answers,
      room,
      self.changes,
    )

  @classmethod
  def joined(cls, parts: Sequence["Example"], *, room: int = 0) -> "Example":
    """Examples end to end."""
    return cls(
      np.concatenate([part.tokens for part in parts]),
      np.concatenate([part.loss_mask for part in parts]),
      np.concatenate([part.prefix_mask for part in parts]),
      np.concatenate([part.segment_ids for part in parts]),
      _answers(parts),
      room,
      tuple(change for part in parts for change in part.changes),
    )

  def left(self, num_tokens: int, why: str) -> "Example":
    """The same example, with the reason why it is the same."""
    return dataclasses.replace(self, changes=self.changed(num_tokens, np.zeros(0, int), why))

  def changed(
    self, num_tokens: int, spans: Int[np.ndarray, " k"], left: str = ""
  ) -> tuple[Change, ...]:
    segment = int(self.segment_ids[0]) if len(self.segment_ids) else 0
    return (*self.changes, Change(segment, num_tokens, spans, left))


def document_bounds(segment_ids: Int[np.ndarray, " n"]) -> list[int]:
  """Where each document of a row begins, and the end:   1 1 1 2 2   ->   0 3 5"""
  borders = (segment_ids[1:] != segment_ids[:-1]).nonzero()[0] + 1
  return [0, *borders.tolist(), len(segment_ids)]


def _answers(parts: Sequence[Example]) -> Int[np.ndarray, " n"] | None:
  answers = [part.answers for part in parts if part.answers is not None]
  return np.concatenate(answers) if answers else None


class Objective(abc.ABC):
  """A callable value: its settings are its fields, and its `repr` tells them all.

  The row that it makes is a function of the example and of what it draws from the generator.
  """

  @property
  def in_place(self) -> bool:
    """Whether `answers` are asked for and not next tokens."""
    return False

  @abc.abstractmethod
  def __call__(self, example: Example, rng: np.random.Generator) -> Example:
    """Adds at most `example.room` tokens and cuts nothing."""

  def growth(self, num_tokens: int, documents: int = 1) -> int:
    """How many tokens it adds to a row that holds `num_tokens` of `documents`, at the most usual.

    So much room is kept free.  Where a row needs more, documents keep some spans, and a `Change`
    says so.
    """
    del num_tokens, documents
    return 0

  def check(self, num_tokens: int, documents: int = 1) -> None:  # noqa: B027 (most need nothing)
    """Raises InputError if it cannot work on such a row, or if its vocabulary lacks a token."""
