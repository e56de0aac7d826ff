"""Runs programs on several workers: `run_programs` for a list, `Sandbox` to keep the workers.

with Sandbox(limits=Limits(cpu_seconds=3)) as sandbox:
  verdicts = sandbox.run([Program(source) for source in sources])
"""

from collections import deque
from collections.abc import Mapping, Sequence
import contextlib
import json
import os
import time
from typing import Any

from codegen_jax.errors import InputError
from codegen_jax.sandbox import self_test
from codegen_jax.sandbox.link import Died, Link, Settings, Unavailable, patience, readable
from codegen_jax.sandbox.verdict import HarnessError, Limits, Program, Verdict

__all__ = ["HarnessError", "Limits", "Program", "Sandbox", "Verdict", "run_programs"]

LEVELS = ("namespaces", "rlimits")  # from strong to weak
RENEW = 1000  # programs that one worker runs


def run_programs(
  programs: Sequence[Program],
  *,
  limits: Limits = Limits(),  # noqa: B008 (frozen)
  workers: int | None = None,
  allow_weak: bool = False,
) -> list[Verdict]:
  """The verdict of each program, in order; raises HarnessError rather than guess one."""
  workers = min(workers or cores(), max(1, len(set(programs))))
  with Sandbox(limits=limits, workers=workers, allow_weak=allow_weak) as sandbox:
    return sandbox.run(programs)


class Sandbox:
  """Workers that wait for programs, from `with` to its end; used by one thread, which stays.

  `packages` are folders from which programs may import, seen read-only; `preload` names modules
  that are imported once, before the first program.
  """

  def __init__(
    self,
    *,
    limits: Limits = Limits(),  # noqa: B008 (frozen)
    workers: int | None = None,
    allow_weak: bool = False,
    packages: Sequence[str | os.PathLike[str]] = (),
    preload: Sequence[str] = (),
  ):
    if workers is not None and workers < 1:
      raise InputError(f"a sandbox of {workers} workers runs nothing; it needs one or more")
    self._limits, self._workers, self._allow_weak = limits, workers or cores(), allow_weak
    self._packages = tuple(_readable(package) for package in packages)
    self._preload = tuple(preload)
    self._links: list[Link] = []

  def __enter__(self) -> "Sandbox":
    self._exits = contextlib.ExitStack()
    with contextlib.ExitStack() as exits:
      exits.callback(self._close)
      self._bait = exits.enter_context(self_test.bait())
      self._settings = self._start()
      self._exits = exits.pop_all()
    return self

  def __exit__(self, *_: object) -> None:
    self._exits.close()

  @property
  def level(self) -> str:
    """`namespaces`, or `rlimits` where there are none and that was allowed."""
    return self._settings.level

  @property
  def seccomp(self) -> bool:
    """Whether calls to the kernel are filtered."""
    return self._seccomp

  def run(self, programs: Sequence[Program]) -> list[Verdict]:
    """The verdict of each program, in order; the same program is run once."""
    try:
      if not self._links:
        self._settings = self._start()
      self_test.tell_right_from_wrong(self._links)
      return self._run(programs)
    except BaseException:
      self._close()  # a worker may be about to answer what nobody asks any more
      raise

  def _run(self, programs: Sequence[Program]) -> list[Verdict]:
    verdicts: dict[Program, Verdict] = {}
    doubtful = self._spread(dict.fromkeys(programs), verdicts)
    for program in doubtful:
      # Perhaps the machine was at fault: once more, with no other program beside it.
      try:
        said = self._links[0].run(program, self._limits)
      except Died as error:
        raise HarnessError(f"a program ended its worker, twice: {error}") from error
      verdicts[program] = _verdict(said, attempts=2)
      self._renew(0, said)
    return [verdicts[program] for program in programs]

  def _spread(
    self, programs: Mapping[Program, None], verdicts: dict[Program, Verdict]
  ) -> list[Program]:
    """Runs each once, and gives back those whose end may not have been their own doing."""
    waiting, doubtful = deque(programs), []
    busy: dict[int, tuple[Program, float]] = {}  # what a worker runs, and by when it must answer
    while waiting or busy:
      for i, link in enumerate(self._links):
        if i not in busy and waiting:
          busy[i] = (waiting.popleft(), time.monotonic() + patience(self._limits))
          with contextlib.suppress(Died):  # which is seen below, as its pipe is closed
            link.give(busy[i][0], self._limits)
      for i in self._heard(busy):
        program, _ = busy.pop(i)
        try:
          said = self._links[i].take(patience(self._limits))
        except Died:
          doubtful.append(program)
          self._replace(i)
          continue
        if said["stopped"] == "wall" or said["killed"]:
          doubtful.append(program)
        else:
          verdicts[program] = _verdict(said, attempts=1)
        self._renew(i, said)
    return doubtful

  def _heard(self, busy: Mapping[int, tuple[Program, float]]) -> list[int]:
    last = min(by for _, by in busy.values())
    pipes = {self._links[i].fileno(): i for i in busy}
    heard = readable(list(pipes), max(0.0, last - time.monotonic()))
    if not heard:
      raise HarnessError("a worker does not answer, long after its program's time was over")
    return [pipes[pipe] for pipe in heard]

  def _start(self) -> Settings:
    """Starts all workers, at the strongest level that there is."""
    why = ""
    for level in LEVELS:
      if level == "rlimits" and not self._allow_weak:
        raise InputError(
          f"programs cannot be kept in on this machine ({why}); in a machine that may be harmed, "
          "allow_weak=True runs them with limits alone"
        )
      settings = Settings(level, self._limits.disk, self._packages, self._preload)
      self._links += (Link(settings) for _ in range(self._workers))
      try:
        for link in self._links:
          self._check_in(link, level)
        self._seccomp = all(link.seccomp for link in self._links)
        return settings
      except Unavailable as error:
        why = str(error)
        self._close()
    raise HarnessError(f"no worker can be started: {why}")

  def _check_in(self, link: Link, level: str) -> None:
    link.ready()
    if level == "namespaces":
      self._bait.keep_in(link)

  def _renew(self, i: int, said: Mapping[str, Any]) -> None:
    """A worker does not grow old, nor stay where something odd has happened."""
    odd = said["stopped"] in ("wall", "memory") or said["killed"] or said["orphans"]
    if odd or self._links[i].programs >= RENEW:
      self._replace(i)

  def _replace(self, i: int) -> None:
    self._links[i].close()
    self._links[i] = Link(self._settings)
    try:
      self._check_in(self._links[i], self.level)
    except Unavailable as error:
      raise HarnessError(f"a worker could not be started again: {error}") from error

  def _close(self) -> None:
    for link in self._links:
      link.close()
    self._links.clear()


def cores() -> int:
  """How many this process may use; more workers would only take time from each other."""
  if hasattr(os, "sched_getaffinity"):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def _readable(package: str | os.PathLike[str]) -> str:
  path = os.path.abspath(package)
  if not os.path.isdir(path):
    raise InputError(f"{path} is no folder, so programs cannot import from it")
  if os.geteuid() == 0 and os.stat(path).st_mode & 0o5 != 0o5:
    raise InputError(f"{path} may not be read by everyone, and programs are nobody; chmod o+rx it")
  return path


def _verdict(said: Mapping[str, Any], *, attempts: int) -> Verdict:
  if said["outcome"] == "harness":
    raise HarnessError(f"what runs around a program does not itself run: {said['detail']}")
  outcome, detail, value = said["outcome"], said["detail"], None
  try:
    value = None if said["value"] is None else json.loads(said["value"])
  except RecursionError:
    outcome, detail = "failed", "the value nests too deep"
  return Verdict(
    outcome=outcome,
    detail=detail,
    cpu_seconds=said["cpu_seconds"],
    wall_seconds=said["wall_seconds"],
    output=said["output"],
    value=value,
    attempts=attempts,
  )
