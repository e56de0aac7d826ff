"""What an experiment took: hours of all its runs, from their goodput.json.

run A   |========|   |====|          hours       of all runs together: 12 + 9
run B      |=========|               wall_hours  while any of them ran: 14 of the 16 in between
"""

from collections.abc import Iterable, Mapping
import datetime
import json
import pathlib
from typing import Any

from experiments import wording

HOUR = 3600
JOB = "job.json"


def of(workdirs: Iterable[pathlib.Path]) -> dict[str, Any]:
  """From their first start to their last end, repeated steps and what was measured meanwhile too.

  What was measured after the last step is not in it.  A run that several experiments share counts
  in each of them.  `core_hours` are by the cores of each run, on accelerators `device_hours`.
  """
  from codegen_jax.training import goodput  # imports TensorFlow, which a page does not need

  spans, commits = [], set()
  by_unit = {"core_hours": 0.0, "device_hours": 0.0}
  runs = unknown = 0
  for workdir in workdirs:
    runs += 1
    file = workdir / goodput.NAME
    if not file.exists():
      unknown += 1
      continue
    for attempt in json.loads(file.read_text())["attempts"]:
      began, ended, made_with = attempt["began"], attempt["ended"], attempt["environment"]
      spans.append((began, ended))
      commits.add(made_with["commit"])
      unit, number = _units(workdir, made_with)
      by_unit[unit] += number * (ended - began) / HOUR
  told: dict[str, Any] = {"runs": runs, "runs_without_record": unknown}
  if not spans:
    return told
  return told | {
    "began": _date(min(began for began, _ in spans)),
    "ended": _date(max(ended for _, ended in spans)),
    "wall_hours": _rounded(_union(spans) / HOUR),
    "hours": _rounded(sum(ended - began for began, ended in spans) / HOUR),
    **{unit: _rounded(spent) for unit, spent in by_unit.items() if spent},
    "commits": sorted(map(str, commits)),
  }


def sentence(told: Mapping[str, Any]) -> str:
  """6 runs, 1.25 hours of training in 0.71 hours (1.3 core hours), 2026-11-26 to 2026-11-27."""
  if "hours" not in told:
    return f"{told['runs']} runs, of which none tells its hours"
  units = [
    f"{told[unit]:g} {unit.replace('_', ' ')}"
    for unit in ("core_hours", "device_hours")
    if unit in told
  ]
  days = " to ".join(dict.fromkeys((told["began"][:10], told["ended"][:10])))
  lacking = told["runs_without_record"]
  rest = f"; {wording.plural(lacking, 'run')} told nothing" if lacking else ""
  return (
    f"{wording.plural(told['runs'], 'run')}, {told['hours']:g} hours of training in"
    f" {told['wall_hours']:g} hours ({', '.join(units)}), {days}{rest}"
  )


def _units(workdir: pathlib.Path, environment: Mapping[str, Any]) -> tuple[str, int]:
  """Cores that a run was given, or how many accelerators."""
  count, _, kind = environment["devices"].partition(" x ")
  if kind != "cpu":
    return "device_hours", int(count)
  job = workdir / JOB
  given = json.loads(job.read_text())["cores"] if job.exists() else ()
  return "core_hours", len(given) or environment["cpus"]


def _union(spans: Iterable[tuple[float, float]]) -> float:
  """Seconds that lie in any of them."""
  total, until = 0.0, float("-inf")
  for began, ended in sorted(spans):
    total += max(ended - max(began, until), 0.0)
    until = max(until, ended)
  return total


def _date(seconds: float) -> str:
  return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds")


def _rounded(hours: float) -> float:
  return float(f"{hours:.3g}")
