"""What is measured: tokens in rows per second of processor time and per second; time; memory."""

from collections.abc import Callable, Iterable
import math
import pathlib
import resource
import sys
import time
from typing import NamedTuple, TypeVar

import numpy as np

Result = TypeVar("Result")


class Rate(NamedTuple):
  """Millions of tokens in rows, padding left out."""

  per_cpu_second: float  # of all threads of this process
  per_second: float


def rate(segment_ids: Iterable[np.ndarray], *, seconds: float = math.inf) -> Rate:
  """Reads batches to their end, or for about so long."""
  tokens, cpu, begun = 0, time.process_time(), time.perf_counter()
  for ids in segment_ids:
    tokens += int(np.count_nonzero(ids))
    if time.perf_counter() - begun > seconds:
      break
  cpu, wall = time.process_time() - cpu, time.perf_counter() - begun
  return Rate(tokens / cpu / 1e6, tokens / wall / 1e6)


class Seconds(NamedTuple):
  """How long something took."""

  wall: float
  cpu: float  # of all threads of this process


def seconds(run: Callable[[], Result]) -> tuple[Seconds, Result]:
  cpu, begun = time.process_time(), time.perf_counter()
  result = run()
  return Seconds(time.perf_counter() - begun, time.process_time() - cpu), result


def resident() -> float:
  """MiB of memory that this process holds; where only the most so far is known, that."""
  statm = pathlib.Path("/proc/self/statm")
  if statm.exists():
    return int(statm.read_text().split()[1]) * resource.getpagesize() / 2**20
  return peak_resident()


def peak_resident() -> float:
  """MiB of memory that this process has held at most."""
  status = pathlib.Path("/proc/self/status")
  if status.exists():
    # Not getrusage, which begins with what the process held that this one was started from.
    peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 2**10
  most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  return most / (2**20 if sys.platform == "darwin" else 2**10)
