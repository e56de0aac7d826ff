"""Where a run's time went, over all its attempts: goodput.json.

{"attempts": [{"from_step": 0, "to_step": 120, "seconds": {"start": 9.1, "step": 80.2, ...}, ...}],
 "shares": {"step": 0.81, "repeated": 0.02, "start": 0.07, "data": 0.0, "save": 0.01, ...}}
"""

from collections.abc import Iterator
import contextlib
import itertools
import json
import pathlib
import time
from typing import Any

from codegen_jax.files import write_json

NAME = "goodput.json"
KINDS = ("start", "step", "data", "save", "evaluate")


class Goodput:
  """The clock of one attempt; whatever is not of another kind is `start` before the first step and
  `step` after it.

  Args:
    workdir: of the run.
    environment: what this attempt is made with.
    began: when it did, as `time.time` has it.
    writes: whether this process is the one that does.
  """

  def __init__(
    self, workdir: pathlib.Path, environment: dict[str, Any], began: float, *, writes: bool = True
  ):
    self._path, self._writes = workdir / NAME, writes
    self._before = _attempts(self._path)
    self._began = began
    self._told = {"began": began, "ended": began, "from_step": 0, "to_step": 0}
    self._environment = environment
    self._seconds = dict.fromkeys(KINDS, 0.0)

  def started(self, step: int) -> None:
    """The first step is about to run."""
    self._seconds["start"] = time.time() - self._began
    self._told["from_step"] = self._told["to_step"] = step

  @contextlib.contextmanager
  def of(self, kind: str) -> Iterator[None]:
    """Counts the block as `data`, `save` or `evaluate`."""
    begun = time.monotonic()
    try:
      yield
    finally:
      self._seconds[kind] += time.monotonic() - begun

  def write(self, step: int) -> None:
    """Writes all that is known, as of this step."""
    if not self._writes:
      return
    now = time.time()
    told = self._told | {"to_step": step, "ended": now}
    others = sum(self._seconds[kind] for kind in KINDS if kind != "step")
    seconds = self._seconds | {"step": max(now - self._began - others, 0.0)}
    attempts = [*self._before, told | {"seconds": seconds, "environment": self._environment}]
    write_json(self._path, {"attempts": attempts, "shares": _shares(attempts)})


def _attempts(path: pathlib.Path) -> list[dict[str, Any]]:
  return json.loads(path.read_text())["attempts"] if path.exists() else []


def _shares(attempts: list[dict[str, Any]]) -> dict[str, float]:
  """Of the time from the first start until now; `repeated` are steps that a stop had lost."""
  whole = attempts[-1]["ended"] - attempts[0]["began"]
  seconds = {kind: sum(told["seconds"][kind] for told in attempts) for kind in KINDS}
  repeated = 0.0
  for told, after in itertools.pairwise(attempts):
    made = told["to_step"] - told["from_step"]
    lost = max(told["to_step"] - after["from_step"], 0)
    repeated += told["seconds"]["step"] * min(lost / made, 1.0) if made else 0.0
  seconds |= {"step": seconds["step"] - repeated, "repeated": repeated}
  seconds["away"] = max(whole - sum(seconds.values()), 0.0)
  return {kind: round(spent / whole, 4) if whole else 0.0 for kind, spent in seconds.items()}
