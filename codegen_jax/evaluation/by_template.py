"""What was measured of each document, by data set and template.

A document `cb/validation:7@3` asks about the example `validation:7` of `cb` in template 3.
"""

from collections.abc import Mapping
import statistics
from typing import Any

Scores = Mapping[str, float]  # of each document


def tables(scores: Scores) -> dict[str, dict[str, Any]]:
  """Of each data set mean, best and standard deviation over templates, and each template's mean."""
  return {name: _of_dataset(of) for name, of in _parted(scores, by="/").items()}


def over(told: Mapping[str, Mapping[str, Any]], name: str) -> float:
  """The mean over data sets, each of which counts alike however many examples it has."""
  return statistics.fmean(one[name] for one in told.values())


def _of_dataset(scores: Scores) -> dict[str, Any]:
  parts = _parted(scores, by="@", last=True)
  by_template = {name: statistics.fmean(parts[name].values()) for name in sorted(parts)}
  values = [*by_template.values()]
  return {
    "mean": statistics.fmean(values),
    "best": max(values),
    "spread": statistics.pstdev(values),
    "documents": len(scores),
    "templates": by_template,
  }


def _parted(scores: Scores, *, by: str, last: bool = False) -> dict[str, dict[str, float]]:
  """By what stands before the first mark, or behind the last one."""
  parts: dict[str, dict[str, float]] = {}
  for path, score in scores.items():
    name = path.rpartition(by)[2] if last else path.partition(by)[0]
    parts.setdefault(name, {})[path] = score
  return parts
