"""Waits for a program: for its end, its words and its verdict, and for it to use too much."""

import os
import select
import time
from typing import Any

from codegen_jax.sandbox.place import Place

_FIRST_LOOK, _LOOKS_APART = 0.05, 0.2  # seconds


class ParentGone(Exception):  # noqa: N818 (an event, not an error)
  """Nobody is waiting for a verdict."""


class Pipe:
  """The reading end of a pipe that others may keep open for ever, or fill for ever."""

  def __init__(self, end: int, most: int):
    self.end, self._most, self.text = end, most, b""
    os.set_blocking(end, False)

  def drain(self) -> bool:
    """Takes what is there; tells whether more may come."""
    try:
      part = os.read(self.end, 65536)
    except BlockingIOError:
      return True
    self.text += part[: max(0, self._most - len(self.text))]
    return bool(part)

  def rest(self) -> bytes:
    """All that those have written who are dead now."""
    size = -1
    while size != len(self.text):
      size = len(self.text)
      self.drain()
    return self.text


def watch(
  pid: int, place: Place, limits: dict[str, Any], verdict: Pipe, output: Pipe | None
) -> str:
  """Until the program's own process has ended, or has to be: why, or an empty word.

  Not until its pipes are closed: a process that it left behind may hold those.
  """
  poll = select.poll()
  ended = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
  pipes = {pipe.end: pipe for pipe in (verdict, output) if pipe is not None}
  try:
    if ended is not None:
      poll.register(ended, select.POLLIN)
    for end in pipes:
      poll.register(end, select.POLLIN)
    poll.register(0, 0)  # hears only that the parent is gone
    begun = time.monotonic()
    look = begun + min(_FIRST_LOOK, limits["cpu_seconds"])
    last = begun + limits["wall_seconds"]
    while True:
      now = time.monotonic()
      if now >= last:
        return "wall"
      if now >= look:
        look = now + _LOOKS_APART
        using = place.running()
        if sum(use.cpu_seconds for use in using) >= limits["cpu_seconds"]:
          return "cpu"
        if sum(use.memory for use in using) > limits["memory"]:
          return "memory"
      pause = max(0.0, min(look, last) - now)
      # Without a pidfd (macOS) the end is found by looking again and again.
      events = poll.poll(1 + pause * 1000 if ended is not None else 1)
      for end, _ in events:
        if end == 0:
          raise ParentGone
        if end in pipes and not pipes[end].drain():
          poll.unregister(end)
      if ended is None:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
          return ""
      elif any(end == ended for end, _ in events):
        return ""
  finally:
    if ended is not None:
      os.close(ended)
