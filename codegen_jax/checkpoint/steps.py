"""Which steps of a run are committed, by their names alone."""

import pathlib


def steps(checkpoints: pathlib.Path) -> list[int]:
  """The committed steps of a run, from the oldest."""
  if not checkpoints.is_dir():
    return []
  found = (path.name for path in checkpoints.iterdir() if path.is_dir())
  return sorted(int(name) for name in found if name.isdecimal())
