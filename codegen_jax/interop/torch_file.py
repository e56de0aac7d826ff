"""One .bin file, as torch.save writes it."""

from collections.abc import Iterator
import contextlib
import pathlib
import pickle
from typing import Any
import zipfile

import jax
import ml_dtypes
import numpy as np

from codegen_jax.errors import InputError

DTYPES: dict[str, Any] = {
  "torch.float32": np.float32,
  "torch.float16": np.float16,
  "torch.bfloat16": ml_dtypes.bfloat16,
}
OTHER = np.uint8  # masks are such, and weights never


def stored(file: pathlib.Path) -> dict[str, jax.ShapeDtypeStruct]:
  """Shape and type of each tensor.

  Raises:
    InputError: torch is missing, or the file is cut short or no dictionary of tensors.
  """
  return {
    name: jax.ShapeDtypeStruct(tuple(tensor.shape), DTYPES.get(str(tensor.dtype), OTHER))
    for name, tensor in _loaded(file).items()
  }


@contextlib.contextmanager
def view(file: pathlib.Path, name: str) -> Iterator[Any]:
  """A tensor, read where it is indexed.  The file's pages are in memory until the end only."""
  yield _View(_loaded(file)[name])


class _View:
  def __init__(self, tensor: Any):
    self._tensor = tensor

  def __getitem__(self, index: Any) -> np.ndarray:
    import torch

    part = self._tensor[index].contiguous()
    if part.dtype == torch.bfloat16:  # numpy has none of its own
      return part.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return part.numpy()


def _loaded(file: pathlib.Path) -> dict[str, Any]:
  """Tensors whose bytes stay on disk until they are asked for."""
  try:
    import torch
  except ModuleNotFoundError as error:
    raise InputError(
      f"{file} is a pickle of PyTorch's, which is not installed: pip install torch, or fetch the"
      " model's .safetensors"
    ) from error
  if not zipfile.is_zipfile(file):
    raise InputError(
      f"{file} is damaged or cut short, or was saved by a torch before 1.6, whose files cannot be"
      " read in parts; fetch it again, or load and save it once"
    )
  try:
    loaded = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
  except (RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    raise InputError(
      f"{file} is damaged or cut short, or no file of tensors ({reason}); fetch it again"
    ) from error
  if not isinstance(loaded, dict) or not all(torch.is_tensor(t) for t in loaded.values()):
    raise InputError(f"{file} holds no dictionary of tensors, as a state_dict is")
  return loaded
