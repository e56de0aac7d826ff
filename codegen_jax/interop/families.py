"""Whose models there are: each is a module that knows its config and its tensors."""

from types import ModuleType

from codegen_jax.errors import InputError
from codegen_jax.interop import codegen, llama
from codegen_jax.interop.told import Told

FAMILIES: tuple[ModuleType, ...] = (codegen, llama)


def of_theirs(told: Told) -> ModuleType:
  """By their config.

  Raises:
    InputError: it is another architecture.
  """
  kind = told.values.get("model_type")
  for family in FAMILIES:
    if kind == family.MODEL_TYPE:
      return family
  raise InputError(
    f"{told.path} is of a model of type {kind!r}; there are 'codegen' (CodeGen, CodeGen2) and"
    " 'llama' (CodeGen2.5)"
  )


def of_ours(block: str) -> ModuleType:
  """By the kind of our block."""
  return next(family for family in FAMILIES if block == family.BLOCK)
