"""Whether a value from a gin file fits the annotation of the field that it was given to.

  fit(3, float) -> 3.0    fit("a/b", Path) -> Path("a/b")    fit([1, 2], tuple[int, ...]) -> (1, 2)
  fit(True, int), fit(3.0, int), fit("prefx", Literal["causal", "prefix"]) -> MisfitError

Every item is looked at, and may be converted.  (beartype's `is_bearable` draws one item of a
sequence at random, takes True for an int, and converts nothing.)
"""

import ast
import collections.abc
import contextlib
import dataclasses
import inspect
import pathlib
import types
import typing
from typing import Any

from codegen_jax import did_you_mean


class MisfitError(TypeError):
  """The value is not what the annotation asks for."""


def fit(value: Any, hint: Any) -> Any:
  """Returns `value` as `hint` wants it, or raises MisfitError."""
  origin, args = typing.get_origin(hint), typing.get_args(hint)
  if origin in (typing.Union, types.UnionType):
    fitted = []
    for arm in args:
      with contextlib.suppress(MisfitError):
        fitted.append(fit(value, arm))
    _require(bool(fitted))
    # 3 stays an int in `float | int`: an arm that leaves the type alone goes first.
    return next((item for item in fitted if type(item) is type(value)), fitted[0])
  if origin is typing.Literal:
    _require(any(value == arg and type(value) is type(arg) for arg in args))
    return value
  if origin is tuple:
    _require(isinstance(value, tuple | list))
    hints = [args[0]] * len(value) if args[1:] == (...,) else args
    _require(len(hints) == len(value))
    return tuple(fit(item, hint) for item, hint in zip(value, hints, strict=True))
  if origin in (list, collections.abc.Sequence):
    _require(isinstance(value, origin) and not isinstance(value, str))
    return type(value)(fit(item, args[0]) for item in value)
  if origin in (dict, collections.abc.Mapping):
    _require(isinstance(value, dict))
    return {fit(key, args[0]): fit(item, args[1]) for key, item in value.items()}
  if origin is type:
    _require(inspect.isclass(value) and issubclass(value, args[0]))
    return value
  hint = getattr(hint, "__supertype__", origin or hint)  # a NewType is checked as what it wraps
  return _fit_class(value, hint) if inspect.isclass(hint) else value  # else Any, or a TypeVar


def _fit_class(value: Any, hint: type) -> Any:
  if hint is float and type(value) is int:
    return float(value)
  if issubclass(hint, pathlib.PurePath) and isinstance(value, str):
    return hint(value)
  try:
    fits = isinstance(value, hint)
  except TypeError:  # a Protocol without @runtime_checkable cannot be asked
    return value
  _require(fits and not (type(value) is bool and hint is int))
  return value


def _require(fits: bool) -> None:
  if not fits:
    raise MisfitError


def spoken(value: Any) -> str:
  """A value as a gin file would say it:   'text'   7   @OptimizerConfig()."""
  if inspect.isclass(value) or inspect.isfunction(value):
    return f"@{value.__name__}"
  return f"@{type(value).__name__}()" if dataclasses.is_dataclass(value) else repr(value)


def describe(hint: Any) -> str:
  """An annotation as its author wrote it:   int   'causal' or 'prefix'   tuple[int, ...]   Mesh."""
  arms = _arms(hint)
  if len(arms) > 1:
    return " or ".join(describe(arm) for arm in arms)
  if typing.get_origin(hint) is typing.Literal:
    return " or ".join(repr(word) for word in typing.get_args(hint))
  if hint is types.NoneType:
    return "None"
  return hint.__name__ if inspect.isclass(hint) and not typing.get_args(hint) else str(hint)


def advice(value: Any, hint: Any) -> str:
  """How to write what was probably meant, as the end of a sentence; "" when that is unclear."""
  arms = _arms(hint)
  literals = [arm for arm in arms if typing.get_origin(arm) is typing.Literal]
  words = [str(word) for literal in literals for word in typing.get_args(literal)]
  if isinstance(value, str):
    if near := did_you_mean.closest(value, words):
      return f"; did you mean {near!r}?"
    for literal in (value, value.capitalize()):  # '100' for an int, 'true' for a bool
      with contextlib.suppress(ValueError, SyntaxError, MisfitError):
        fit(ast.literal_eval(literal), hint)
        return f"; write {literal}, without quotes"
  if isinstance(value, float) and value.is_integer() and int in arms:
    return f"; write {int(value)}"
  classes = tuple(arm for arm in arms if inspect.isclass(arm))
  if inspect.isclass(value) and issubclass(value, classes):
    return f"; write {spoken(value)}() to make one"
  return ""


def _arms(hint: Any) -> tuple[Any, ...]:
  """`int | None` -> (int, NoneType);  int -> (int,)."""
  is_union = typing.get_origin(hint) in (typing.Union, types.UnionType)
  return typing.get_args(hint) if is_union else (hint,)
