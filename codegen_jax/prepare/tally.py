"""What became of documents: counted part by part, and added up."""

from collections import Counter
from collections.abc import Iterable
import dataclasses
from typing import Any

EXAMPLES = 3  # names that a report shows for each reason


@dataclasses.dataclass
class Tally:
  """Counts that add up, whatever the order of the parts; names of examples are the first."""

  documents: int = 0  # read, whether they were any or not
  bytes: int = 0
  kept: int = 0  # behind the stages that look at one document
  kept_bytes: int = 0
  repaired: int = 0
  dropped: Counter[str] = dataclasses.field(default_factory=Counter)
  dropped_bytes: Counter[str] = dataclasses.field(default_factory=Counter)
  examples: dict[str, list[str]] = dataclasses.field(default_factory=dict)
  languages: Counter[str] = dataclasses.field(default_factory=Counter)  # of what was kept
  language_bytes: Counter[str] = dataclasses.field(default_factory=Counter)
  lengths: Counter[str] = dataclasses.field(default_factory=Counter)  # "512": from 512 to 1023

  def drop(self, reason: str, size: int, example: str) -> None:
    self.dropped[reason] += 1
    self.dropped_bytes[reason] += size
    shown = self.examples.setdefault(reason, [])
    if len(shown) < EXAMPLES:
      shown.append(example[:200])

  def keep(self, language: str, size: int) -> None:
    self.kept += 1
    self.kept_bytes += size
    self.languages[language or "unknown"] += 1
    self.language_bytes[language or "unknown"] += size
    self.lengths[str(1 << max(size.bit_length() - 1, 0))] += 1

  def to_json(self) -> dict[str, Any]:
    told = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self))
    return {name: dict(value) if isinstance(value, dict) else value for name, value in told}


def total(parts: Iterable[dict[str, Any]]) -> Tally:
  """Of the tallies of parts, given in the order of the parts."""
  made = Tally()
  for part in parts:
    for field in dataclasses.fields(Tally):
      value, told = getattr(made, field.name), part[field.name]
      if isinstance(value, Counter):
        value.update(told)
      elif isinstance(value, dict):
        for reason, names in told.items():
          shown = value.setdefault(reason, [])
          shown += names[: EXAMPLES - len(shown)]
      else:
        setattr(made, field.name, value + told)
  return made
