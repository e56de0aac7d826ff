"""Their tensors against our weights: what must be there, in which shapes and types."""

from collections.abc import Mapping

import jax
import ml_dtypes
import numpy as np

from codegen_jax.errors import InputError
from codegen_jax.interop import quirks
from codegen_jax.interop.layouts import Origins
from codegen_jax.models.config import Dtype

READABLE = (np.dtype(np.float32), np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16))


def expected(
  origins: Origins, leaves: Mapping[str, jax.ShapeDtypeStruct]
) -> dict[str, tuple[int, ...]]:
  """Name and shape of each tensor that these weights lie in."""
  shapes: dict[str, tuple[int, ...]] = {}
  for name, origin in origins.items():
    leaf = leaves[name].shape
    layers, ours = (leaf[0], leaf[1:]) if origin.of_layers else (1, leaf)
    shapes |= dict.fromkeys(origin.tensors(layers), origin.layout.theirs(ours))
  return shapes


def check(
  stored: Mapping[str, jax.ShapeDtypeStruct], wanted: Mapping[str, tuple[int, ...]], where: str
) -> None:
  """Refuses tensors that are not those of the model.

  Raises:
    InputError: one is missing, too much, of another shape or of a type that is no weight's.
  """
  names = quirks.without_buffers(stored)
  if missing := [name for name in wanted if name not in stored]:
    raise InputError(
      f"{where} lacks the tensor {missing[0]}{_more(missing)}, which its config.json asks for; its"
      " config or its weights are of another model"
    )
  if extra := [name for name in names if name not in wanted]:
    raise InputError(
      f"{where} has the tensor {extra[0]}{_more(extra)}, for which this model has no place; its"
      " config or its weights are of another model"
    )
  for name, shape in wanted.items():
    if stored[name].shape != shape:
      raise InputError(
        f"{name} in {where} has the shape {stored[name].shape}, and {shape} follows from its"
        " config.json; one of them is another model's"
      )
    if stored[name].dtype not in READABLE:
      raise InputError(
        f"{name} in {where} is neither float32 nor float16 nor bfloat16; a quantised model has to"
        " be converted from its original"
      )


def exact_type(
  stored: Mapping[str, jax.ShapeDtypeStruct], wanted: Mapping[str, tuple[int, ...]]
) -> Dtype:
  """The smaller of our two types that holds these weights as they are."""
  matrices = {stored[name].dtype for name, shape in wanted.items() if len(shape) > 1}
  return "bfloat16" if matrices == {np.dtype(ml_dtypes.bfloat16)} else "float32"


def _more(names: list[str]) -> str:
  return f" and {len(names) - 1} more" if len(names) > 1 else ""
