"""What runs on a machine as /proc tells it, and what those that ended have used."""

import os
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Use(NamedTuple):
  """Of a process that runs, with those of its children that it has waited for."""

  cpu_seconds: float
  memory: int  # resident bytes


class Ended(NamedTuple):
  """A process that is no more."""

  pid: int
  code: int  # as os.waitstatus_to_exitcode: negative for a signal
  cpu_seconds: float


def wait(pid: int, options: int = 0) -> Ended:
  pid, status, used = os.wait4(pid, options)
  return Ended(pid, os.waitstatus_to_exitcode(status) if pid else 0, used.ru_utime + used.ru_stime)


def everyone() -> list[int]:
  return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def children(pid: int) -> list[int]:
  try:
    found: list[int] = []
    for task in os.listdir(f"/proc/{pid}/task"):
      found += (int(n) for n in _read(f"/proc/{pid}/task/{task}/children").split())
    return found
  except OSError:
    return []  # it ended, or this is not Linux


def descendants(pid: int) -> list[int]:
  found = children(pid)
  for one in found:  # grows meanwhile
    found += children(one)
  return found


def use(pid: int) -> Use:
  try:
    # The name, which a program may choose, stands in parentheses.
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
  except OSError:
    return Use(0, 0)
  return Use(sum(map(int, fields[11:15])) / _TICKS, int(fields[21]) * _PAGE)


def _read(file: str) -> bytes:
  opened = os.open(file, os.O_RDONLY)
  try:
    return os.read(opened, 65536)
  finally:
    os.close(opened)
