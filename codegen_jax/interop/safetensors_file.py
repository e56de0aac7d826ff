"""One .safetensors file."""

from collections.abc import Iterator
import contextlib
import pathlib
from typing import Any

import jax
import ml_dtypes
import numpy as np

from codegen_jax.errors import InputError

DTYPES: dict[str, Any] = {"F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16}
OTHER = np.uint8  # masks are such, and weights never


def stored(file: pathlib.Path) -> dict[str, jax.ShapeDtypeStruct]:
  """Shape and type of each tensor, from the header alone.

  Raises:
    InputError: the file is cut short or none of its kind.
  """
  with _opened(file) as opened:
    slices = {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118 (no mapping)
    return {
      name: jax.ShapeDtypeStruct(tuple(part.get_shape()), DTYPES.get(part.get_dtype(), OTHER))
      for name, part in slices.items()
    }


@contextlib.contextmanager
def view(file: pathlib.Path, name: str) -> Iterator[Any]:
  """A tensor, read where it is indexed.  The file's pages are in memory until the end only."""
  with _opened(file) as opened:
    yield opened.get_slice(name)


@contextlib.contextmanager
def _opened(file: pathlib.Path) -> Iterator[Any]:
  try:
    import safetensors
  except ModuleNotFoundError as error:
    raise InputError(
      f"{file} is read by safetensors, which is not installed: pip install 'codegen-jax[hf]'"
    ) from error
  try:
    opened = safetensors.safe_open(file, framework="numpy")
  except safetensors.SafetensorError as error:
    raise InputError(
      f"{file} is damaged or cut short, or no safetensors file ({error}); fetch it again"
    ) from error
  with opened:
    yield opened
