"""A launch as a value: steps in order, each with the files it needs and the commands it runs."""

from collections.abc import Iterator
import dataclasses
from typing import Literal, get_args

Name = Literal["create", "preflight", "start", "watch", "restart", "delete"]
NAMES: tuple[Name, ...] = get_args(Name)
BY_HAND = "restart"  # every target starts a pre-empted run again by itself


@dataclasses.dataclass(frozen=True)
class Command:
  """One command of a shell.

  Attributes:
    says: what it does, for a reader.
    line: ready to paste; it may span lines.
  """

  says: str
  line: str


@dataclasses.dataclass(frozen=True)
class File:
  """A file that commands read, by its name in the folder they run in."""

  name: str
  text: str

  @property
  def executable(self) -> bool:
    return self.text.startswith("#!")


@dataclasses.dataclass(frozen=True)
class Step:
  """A named part of a launch.

  Attributes:
    name: one of NAMES.
    says: what it is for.
    commands: in order; each must end well before the next one begins.
    files: written before.
  """

  name: Name
  says: str
  commands: tuple[Command, ...]
  files: tuple[File, ...] = ()


@dataclasses.dataclass(frozen=True)
class Plan:
  """All that a target does, from nothing to nothing.

  Attributes:
    target: its name.
    tools: programs that the commands need on PATH.
    steps: every one of NAMES, in that order, so that what costs money is always deleted last.
  """

  target: str
  tools: tuple[str, ...]
  steps: tuple[Step, ...]

  def __post_init__(self):
    names = tuple(step.name for step in self.steps)
    if names != NAMES:
      raise ValueError(f"{self.target} has the steps {names}; they must be {NAMES}")

  def step(self, name: Name) -> Step:
    return self.steps[NAMES.index(name)]

  def files(self) -> Iterator[File]:
    for step in self.steps:
      yield from step.files
