"""Files here and in buckets through one layer, etils' epath; written whole or not at all."""

from collections.abc import Iterator
import contextlib
import io
import json
import os
import pathlib
import tempfile
from typing import Any
import uuid

from etils import epath
from etils.epath import Path
import numpy as np


def is_remote(path: Path) -> bool:
  return "://" in str(path)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[pathlib.Path]:
  """A local file to write to, which becomes `path` at the end; after an error nothing is there."""
  path.parent.mkdir(parents=True, exist_ok=True)
  if is_remote(path):
    with tempfile.TemporaryDirectory() as folder:
      local = pathlib.Path(folder) / path.name
      yield local
      epath.Path(local).copy(path, overwrite=True)  # an object of a bucket appears whole
    return
  draft = pathlib.Path(str(path.parent)) / f".{path.name}.{uuid.uuid4().hex}"
  try:
    yield draft
    draft.replace(pathlib.Path(str(path)))
  finally:
    draft.unlink(missing_ok=True)


def remove_drafts(folder: Path) -> None:
  """What a killed process left of `writing` in a folder that nobody writes to any more."""
  if not is_remote(folder):
    for draft in pathlib.Path(str(folder)).glob(f".*.{'[0-9a-f]' * 32}"):
      draft.unlink()


def write_array(path: Path, array: np.ndarray) -> None:
  with writing(path) as draft, draft.open("wb") as file:
    np.save(file, array, allow_pickle=False)


def read_array(path: Path) -> np.ndarray:
  return np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)


def write_json(path: Path, value: Any) -> None:
  with writing(path) as draft:
    draft.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", "utf-8")


def read_json(path: Path) -> Any:
  return json.loads(path.read_text())


def files_below(root: Path) -> Iterator[Path]:
  """Every file of a folder and of those below; links to folders are not entered."""
  if not is_remote(root):
    for folder, _, names in os.walk(str(root)):
      yield from (epath.Path(folder) / name for name in names)
    return
  for entry in root.iterdir():
    if entry.is_dir():
      yield from files_below(entry)
    else:
      yield entry
