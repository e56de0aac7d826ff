"""How inputs are read: the settings, and the piece that a worker is given."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Reading:
  """What a line or a row is called by those who wrote it, and how much is read at once.

  Attributes:
    text: the fields that may have the text; the first that is there counts.
    part_bytes: about so many bytes make a part, the piece that a worker is given.
    most_bytes: a longer file or line is dropped unread.
  """

  text: tuple[str, ...] = ("content", "text")
  part_bytes: int = 8_000_000
  most_bytes: int = 16_000_000
  tfds_examples: int = 20_000


@dataclasses.dataclass(frozen=True)
class Part:
  """What one worker reads: files, or [start, stop) of one in its own unit."""

  number: int
  kind: str  # "files", "lines", "parquet" or "tfds"
  files: tuple[str, ...]
  names: tuple[str, ...]  # of the files, below what the inputs share
  start: int = 0
  stop: int = 0

  def to_json(self) -> dict[str, Any]:
    return dataclasses.asdict(self)

  @classmethod
  def from_json(cls, told: dict[str, Any]) -> "Part":
    return cls(**told | {"files": tuple(told["files"]), "names": tuple(told["names"])})
