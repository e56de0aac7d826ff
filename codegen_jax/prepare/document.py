"""What passes through the stages: a Document, or the reason why it goes no further.

stage(Document) -> Document      kept, changed or as it was
stage(Document) -> Drop          Drop("line too long")
"""

from collections.abc import Iterable
import dataclasses
import hashlib
from typing import Protocol, runtime_checkable


@dataclasses.dataclass(frozen=True, slots=True)
class Raw:
  """A file or a field of a line, before anybody has looked at it."""

  name: str
  content: bytes | str
  licenses: tuple[str, ...] = ()
  language: str = ""  # where the source says it


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
  """Text with what the stages ask of it."""

  name: str  # stable: its path, or its file and place
  text: str
  language: str = ""
  licenses: tuple[str, ...] = ()

  @property
  def extension(self) -> str:
    """Of the path, in small letters: "py"; "" where there is none."""
    stem, dot, extension = self.name.rpartition("/")[2].rpartition(".")
    return extension.lower() if dot and stem else ""


@dataclasses.dataclass(frozen=True, slots=True)
class Drop:
  """Why a document goes no further; the reasons are what a report counts."""

  reason: str


@runtime_checkable
class Stage(Protocol):
  """A frozen dataclass: settings in its fields, no state."""

  def __call__(self, document: Document) -> Document | Drop:
    """A function of the document alone."""
    ...


def through(document: Document, stages: Iterable[Stage]) -> Document | Drop:
  """What is left of a document behind the stages, or the first Drop."""
  for stage in stages:
    passed = stage(document)
    if isinstance(passed, Drop):
      return passed
    document = passed
  return document


def sha256(text: str) -> bytes:
  return hashlib.sha256(text.encode()).digest()
