"""Which steps of a run are committed, by their names alone."""

import argparse
import pathlib
from typing import Literal

Step = int | Literal["best"]  # as a user names one; best by the metric that its run stopped by


def steps(checkpoints: pathlib.Path) -> list[int]:
  """The committed steps of a run, from the oldest."""
  if not checkpoints.is_dir():
    return []
  found = (path.name for path in checkpoints.iterdir() if path.is_dir())
  return sorted(int(name) for name in found if name.isdecimal())


def named(text: str) -> Step:
  """A flag's value.

  Raises:
    ArgumentTypeError: it is neither a number nor "best".
  """
  if text == "best":
    return "best"
  if not text.isdecimal():
    raise argparse.ArgumentTypeError(f"{text!r} is no step; give its number, or best")
  return int(text)
