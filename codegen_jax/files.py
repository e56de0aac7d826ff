"""Small files, written whole or not at all."""

import json
import os
import pathlib
from typing import Any


def write_bytes(path: pathlib.Path, data: bytes) -> None:
  """A reader, or a run that continues after a kill, finds the old file or the new one."""
  draft = path.with_name(f".{path.name}.tmp")
  try:
    with draft.open("wb") as file:
      file.write(data)
      file.flush()
      os.fsync(file.fileno())
    draft.replace(path)
  except BaseException:
    draft.unlink(missing_ok=True)
    raise


def write_text(path: pathlib.Path, text: str) -> None:
  """The same of text."""
  write_bytes(path, text.encode())


def write_json(path: pathlib.Path, value: Any) -> None:
  write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")
