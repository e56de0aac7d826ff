"""What the kernel allows a program, set on its process: no handler of its own gains it more."""

from collections.abc import Mapping
import resource
import sys
from typing import Any


def limit_worker() -> None:
  """What its programs inherit: none dumps core, locks memory or fills a queue."""
  for name in ("CORE", "MEMLOCK", "MSGQUEUE"):
    which = getattr(resource, f"RLIMIT_{name}", None)
    if which is not None:
      resource.setrlimit(which, (0, 0))


def of_program(limits: Mapping[str, Any]) -> list[tuple[int, int]]:
  """Pairs for setrlimit, made before the fork, after which all that is touched is copied."""
  found = []
  for name, most in (
    ("CPU", int(limits["cpu_seconds"]) + 2),  # the exact count is the worker's own
    ("FSIZE", limits["file"]),
    ("NPROC", limits["processes"]),
    ("NOFILE", limits["open_files"]),
    ("AS", limits["memory"]),
  ):
    which = getattr(resource, f"RLIMIT_{name}")
    hard = resource.getrlimit(which)[1]
    found.append((which, most if hard == resource.RLIM_INFINITY else min(most, hard)))
  return found


def limit_program(pairs: list[tuple[int, int]]) -> None:
  for which, most in pairs:
    try:
      resource.setrlimit(which, (most, most))
    except (OSError, ValueError):
      if sys.platform == "linux":  # macOS knows some of them by name only
        raise
