"""The tensors of a folder, in whatever files they lie: read one at a time, and in parts."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
import json
import pathlib
from typing import Protocol, runtime_checkable

import jax

from codegen_jax.errors import InputError
from codegen_jax.interop import safetensors_file, torch_file
from codegen_jax.interop.layouts import View

FORMATS = {".safetensors": safetensors_file, ".bin": torch_file}
WHOLE = ("model.safetensors", "pytorch_model.bin")
INDEX = ".index.json"


@runtime_checkable
class Tensors(Protocol):
  """stored: shape and type of each tensor, by name."""

  stored: Mapping[str, jax.ShapeDtypeStruct]

  def view(self, name: str) -> AbstractContextManager[View]:
    """Opens the file of a tensor; it is closed, and its memory given back, at the end."""


class OfFolder:
  """Those of model.safetensors or pytorch_model.bin, or of the files that their index names.

  Raises:
    InputError: there is no such file, one is damaged, or the index and the files disagree.
  """

  def __init__(self, folder: pathlib.Path):
    files, stored = _found(folder)
    self._files = files
    self.stored: Mapping[str, jax.ShapeDtypeStruct] = stored

  def view(self, name: str) -> AbstractContextManager[View]:
    file = self._files[name]
    return FORMATS[file.suffix].view(file, name)


def _found(
  folder: pathlib.Path,
) -> tuple[dict[str, pathlib.Path], dict[str, jax.ShapeDtypeStruct]]:
  """The file of each tensor, and what it is; of several formats the first."""
  for name in WHOLE:
    file, index = folder / name, folder / f"{name}{INDEX}"
    if file.is_file():
      stored = FORMATS[file.suffix].stored(file)
      return dict.fromkeys(stored, file), stored
    if index.is_file():
      return _of_shards(index)
  raise InputError(
    f"{folder} has no weights: {', '.join(WHOLE)} or one of them in parts, with {INDEX[1:]}, was"
    " looked for"
  )


def _of_shards(
  index: pathlib.Path,
) -> tuple[dict[str, pathlib.Path], dict[str, jax.ShapeDtypeStruct]]:
  try:
    names = json.loads(index.read_text("utf-8"))["weight_map"]
    files = {name: index.parent / file for name, file in names.items()}
  except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
    raise InputError(f"{index} is no index of tensors and their files ({error!r})") from error
  stored: dict[str, jax.ShapeDtypeStruct] = {}
  for file in sorted(set(files.values())):
    mine = [name for name, of in files.items() if of == file]
    if file.suffix not in FORMATS or not file.is_file():
      raise InputError(f"{file}, which {index.name} names for {mine[0]}, is not there")
    found = FORMATS[file.suffix].stored(file)
    if lost := [name for name in mine if name not in found]:
      raise InputError(f"{file} lacks {lost[0]}, which {index.name} says that it holds")
    if stray := [name for name in found if files.get(name) != file]:
      raise InputError(f"{file} holds {stray[0]}, of which {index.name} does not know there")
    stored |= found
  return files, stored
