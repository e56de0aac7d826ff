"""The parent's side of a worker: starts it, gives it a program, hears what came of it."""

from collections.abc import Mapping, Sequence
import contextlib
import dataclasses
import os
import pathlib
import select
import subprocess
import sys
from typing import Any

from codegen_jax.sandbox import messages
from codegen_jax.sandbox.verdict import HarnessError, Limits, Program

_ROOT = str(pathlib.Path(__file__).resolve().parents[2])
_START = f"import sys; sys.path.insert(0, {_ROOT!r}); from codegen_jax.sandbox import worker; worker.main()"  # fmt: skip  # noqa: E501
_PATIENCE = (
  120.0  # seconds that a worker may take beyond all limits, on a machine that is very busy
)
_FAREWELL = 10.0  # seconds in which a worker may tidy up

# HOME and TMPDIR come with each program.
ENVIRONMENT = {
  "PATH": "/usr/bin:/bin",
  "LANG": "C.UTF-8",
  "PYTHONHASHSEED": "0",  # a verdict must not depend on the order of a set
  # A library with threads of its own could not be forked.
  "OPENBLAS_NUM_THREADS": "1",
  "OMP_NUM_THREADS": "1",
  "MKL_NUM_THREADS": "1",
}


class Died(HarnessError):  # noqa: N818 (an event)
  """A worker is no more."""


class Unavailable(Exception):  # noqa: N818 (an answer, not an error)
  """Why this machine does not let us make the namespaces."""


@dataclasses.dataclass(frozen=True)
class Settings:
  """What a worker is told when it starts."""

  level: str
  disk: int
  packages: Sequence[str] = ()
  preload: Sequence[str] = ()


class Link:
  """A worker, as long as it lives.  Its `run` is `give`, then `take` when fileno() is readable."""

  def __init__(self, settings: Settings):
    # -I would have Python ignore PYTHONHASHSEED; as the environment is ours, -P and -s do the rest.
    self._process = subprocess.Popen(
      [_python(), "-P", "-s", "-S", "-c", _START],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      env=ENVIRONMENT,
      cwd="/",
      start_new_session=True,  # Ctrl-C is for the parent, which then ends its workers
      bufsize=0,
    )
    self.seccomp = False
    self.programs = 0
    visible = sorted({sys.base_prefix, sys.base_exec_prefix})
    with contextlib.suppress(Died):  # why it is gone is said when it is waited for
      self._send({**dataclasses.asdict(settings), "root": _ROOT, "visible": visible})

  @property
  def pid(self) -> int:
    return self._process.pid

  def ready(self) -> None:
    """Waits until it has started."""
    answer = self.take(_PATIENCE)
    if "unavailable" in answer:
      raise Unavailable(answer["unavailable"])
    if "broken" in answer:
      raise HarnessError(f"a worker could not start: {answer['broken']}")
    self.seccomp = answer["seccomp"]

  def fileno(self) -> int:
    return self._stdout

  def give(self, program: Program, limits: Limits) -> None:
    self.programs += 1
    self._send({**dataclasses.asdict(program), "limits": dataclasses.asdict(limits)})

  def take(self, seconds: float) -> Mapping[str, Any]:
    if not readable([self._stdout], seconds):
      raise HarnessError(f"a worker has said nothing for {seconds:.0f} s")
    try:
      return messages.receive(self._stdout)
    except messages.Gone:
      raise Died(self._last_words()) from None

  def run(self, program: Program, limits: Limits) -> Mapping[str, Any]:
    self.give(program, limits)
    return self.take(patience(limits))

  def close(self) -> None:
    if self._process.stdin is not None:
      self._process.stdin.close()  # at which it ends its program, removes its folder and leaves
    with contextlib.suppress(subprocess.TimeoutExpired):
      self._process.wait(_FAREWELL)
    self._process.kill()  # all within its namespaces go with it
    self._process.wait()
    for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
      if pipe is not None:
        with contextlib.suppress(OSError):
          pipe.close()

  @property
  def _stdout(self) -> int:
    assert self._process.stdout is not None
    return self._process.stdout.fileno()

  def _send(self, message: Any) -> None:
    assert self._process.stdin is not None
    try:
      messages.send(self._process.stdin.fileno(), message)
    except messages.Gone:
      raise Died(self._last_words()) from None

  def _last_words(self) -> str:
    assert self._process.stderr is not None
    with contextlib.suppress(subprocess.TimeoutExpired):
      self._process.wait(10)
    os.set_blocking(self._process.stderr.fileno(), False)
    words = (self._process.stderr.read() or b"").decode(errors="replace").strip()
    return f"a worker ended with code {self._process.returncode}: {words or 'it said nothing'}"


def readable(pipes: Sequence[int], seconds: float) -> list[int]:
  """Those of them that have something to say, or are closed; empty when the time is over."""
  poll = select.poll()  # select would fail in a process that has a thousand files open
  for pipe in pipes:
    poll.register(pipe, select.POLLIN)
  return [pipe for pipe, _ in poll.poll(seconds * 1000)]


def patience(limits: Limits) -> float:
  return limits.wall_seconds + _PATIENCE


def _python() -> str:
  """The interpreter itself: what leads to it, as from a virtual environment, is not visible."""
  return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
