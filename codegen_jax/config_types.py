"""Whether a value from a gin file fits the annotation of the field that it was given to.

  fit(3, float) -> 3.0      fit("a/b", Path) -> Path("a/b")      fit([1, 2], tuple[int, ...]) -> (1, 2)
  fit(True, int), fit(3.0, int), fit("prefx", Literal["causal", "prefix"]) -> Misfit

Every item is looked at.  (beartype's is_bearable looks at one item of a sequence, drawn at random,
takes True for an int, and cannot convert.)
"""

import collections.abc
import contextlib
import inspect
import pathlib
import types
import typing
from typing import Any

from codegen_jax import did_you_mean


class Misfit(TypeError):
  """The value is not what the annotation asks for."""


def fit(value: Any, hint: Any) -> Any:
  """Returns `value` as `hint` wants it, or raises Misfit."""
  origin, args = typing.get_origin(hint), typing.get_args(hint)
  if origin in (typing.Union, types.UnionType):
    fitted = []
    for arm in args:
      with contextlib.suppress(Misfit):
        fitted.append(fit(value, arm))
    if not fitted:
      raise Misfit
    # 3 stays an int in `float | int`: an arm that leaves the type alone goes first.
    return next((arm for arm in fitted if type(arm) is type(value)), fitted[0])
  if origin is typing.Literal:
    _require(any(value == arg and type(value) is type(arg) for arg in args))
    return value
  if origin is tuple:
    _require(isinstance(value, (tuple, list)))
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
    _require(inspect.isclass(value) and (args[0] is Any or issubclass(value, args[0])))
    return value
  hint = types.NoneType if hint is None else getattr(hint, "__supertype__", origin or hint)
  return _fit_class(value, hint) if inspect.isclass(hint) else value  # Any, a TypeVar


def _fit_class(value: Any, hint: type) -> Any:
  if hint is float and type(value) is int:
    return float(value)
  if issubclass(hint, pathlib.PurePath) and isinstance(value, str):
    return hint(value)
  if hint is not object and getattr(hint, "_is_protocol", False):
    with contextlib.suppress(TypeError):  # a Protocol that isinstance may not ask about
      _require(isinstance(value, hint))
    return value
  _require(isinstance(value, hint) and not (type(value) is bool and hint is int))
  return value


def _require(condition: bool) -> None:
  if not condition:
    raise Misfit


def describe(hint: Any) -> str:
  """`"causal" | "prefix"`, `int`, `tuple[int, ...]`: an annotation as its author wrote it."""
  args = typing.get_args(hint)
  if typing.get_origin(hint) in (typing.Union, types.UnionType):
    return " or ".join(describe(arm) for arm in args)
  if typing.get_origin(hint) is typing.Literal:
    return " or ".join(repr(arg) for arg in args)
  if hint is types.NoneType:
    return "None"
  return hint.__name__ if inspect.isclass(hint) and not args else str(hint)


def advice(value: Any, hint: Any) -> str:
  """How to write the value that was probably meant, as the end of a sentence."""
  arms = typing.get_args(hint) if _is_union(hint) else (hint,)
  words = [word for arm in arms if typing.get_origin(arm) is typing.Literal for word in arm.__args__]
  if isinstance(value, str):
    if words and (near := did_you_mean.closest(value, map(str, words))):
      return f"; did you mean {near!r}?"
    for literal in (value.capitalize(), value):
      with contextlib.suppress(ValueError, SyntaxError, Misfit):
        fit(__import__("ast").literal_eval(literal), hint)
        return f"; write {literal} without quotes"
  if isinstance(value, float) and value.is_integer() and int in arms:
    return f"; write {int(value)}"
  if inspect.isclass(value) and value in arms:
    return "; write () behind it to make one"
  return ""
