"""Small files, written whole or not at all."""

import json
import os
import pathlib
from typing import Any


def write_text(path: pathlib.Path, text: str) -> None:
  """A reader, or a run that continues after a kill, finds the old file or the new one."""
  draft = path.with_name(f".{path.name}.tmp")
  with draft.open("w", encoding="utf-8") as file:
    file.write(text)
    file.flush()
    os.fsync(file.fileno())
  draft.replace(path)


def write_json(path: pathlib.Path, value: Any) -> None:
  write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")
