"""Writes tensors one after the other into .safetensors files of a limited size, and their index."""

import math
import pathlib
from typing import Any

import numpy as np

from codegen_jax.errors import InputError
from codegen_jax.files import write_json

METADATA = {"format": "pt"}  # transformers refuses a file that does not say it


class Shards:
  """A model's tensors as they come; what is in memory is at most one file's.

  Args:
    folder: to write into.
    limit: bytes of a file, unless one tensor alone is larger.
  """

  def __init__(self, folder: pathlib.Path, *, limit: int):
    self._folder, self._limit = folder, limit
    self._held: dict[str, np.ndarray] = {}
    self._files: list[list[str]] = []
    self._bytes = 0

  def add(self, name: str, tensor: np.ndarray) -> None:
    held = sum(one.nbytes for one in self._held.values())
    if self._held and held + tensor.nbytes > self._limit:
      self._write()
    self._held[name] = tensor
    self._bytes += tensor.nbytes

  def close(self) -> None:
    """Writes what is left, and gives the files the names that transformers looks for."""
    if self._held:
      self._write()
    if len(self._files) == 1:
      self._draft(0).rename(self._folder / "model.safetensors")
      return
    total = len(self._files)
    names = [f"model-{i + 1:05}-of-{total:05}.safetensors" for i in range(total)]
    for i, name in enumerate(names):
      self._draft(i).rename(self._folder / name)
    where = {t: names[i] for i, tensors in enumerate(self._files) for t in tensors}
    index: dict[str, Any] = {"metadata": {"total_size": self._bytes}, "weight_map": where}
    write_json(self._folder / "model.safetensors.index.json", index)

  def _write(self) -> None:
    save_file = _save_file()
    draft = self._draft(len(self._files))
    save_file(self._held, draft, METADATA)
    draft.chmod(0o644)  # safetensors lets nobody else read it
    self._files.append(list(self._held))
    self._held = {}

  def _draft(self, number: int) -> pathlib.Path:
    return self._folder / f"{number}.safetensors.draft"


def _save_file() -> Any:
  try:
    from safetensors.numpy import save_file
  except ModuleNotFoundError as error:
    raise InputError(
      "transformers' files are written by safetensors, which is not installed: pip install"
      " 'codegen-jax[hf]'"
    ) from error
  return save_file


def narrowed(tensor: np.ndarray, dtype: np.dtype, *, name: str) -> tuple[np.ndarray, bool]:
  """The tensor in another type, and whether a number of it was rounded.

  Raises:
    InputError: a finite number of it has no place there.
  """
  if tensor.dtype == dtype:
    return tensor, False
  with np.errstate(over="ignore"):
    cast = tensor.astype(dtype)
  back = cast.astype(tensor.dtype)
  if not np.isfinite(back[np.isfinite(tensor)]).all():
    largest = float(np.abs(tensor).max())
    raise InputError(
      f"{name} holds {largest:g}, which {dtype} cannot; give --dtype=bfloat16 or float32"
    )
  same = math.prod(tensor.shape) == 0 or np.array_equal(back, tensor, equal_nan=True)
  return cast, not same
