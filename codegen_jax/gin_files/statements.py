"""What gin files say, as values: the last word on each macro and field; and back to gin again.

  loop.TrainConfig.steps = %TOTAL_STEPS    Field("", TrainConfig, "steps"): Macro("TOTAL_STEPS")
  TOTAL_STEPS = 100                        Macro("TOTAL_STEPS"): 100

A value keeps its macros and references as leaves: walk() visits them, mentions() collects them.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from codegen_jax.gin_files.names import Names


@dataclass(frozen=True)
class Macro:
  """`%NAME`, or the left of `NAME = ...`."""

  name: str


@dataclass(frozen=True)
class Field:
  """The left of `scope/module.Class.name = ...`; `target` may be a function as well."""

  scope: str
  target: Callable
  name: str


@dataclass(frozen=True)
class Reference:
  """`@scope/module.Class` or, called, `@scope/module.Class()`."""

  scope: str
  target: Callable
  called: bool


@dataclass(frozen=True)
class Setting:
  """The right of a line, and when and where it was said."""

  value: Any
  where: str  # "gin_configs/tiny.gin:7"
  turn: int  # a larger one was said later


Key = Macro | Field

REQUIRED = Macro("gin.REQUIRED")


@dataclass
class Statements:
  """The last word on each macro and field, and what it overruled."""

  names: Names
  settings: dict[Key, Setting] = field(default_factory=dict)
  overruled: list[tuple[Setting, Setting]] = field(default_factory=list)  # (older, newer)

  def put(self, key: Key, value: Any, where: str) -> None:
    newer = Setting(value, where, turn=len(self.settings) + len(self.overruled))
    if key in self.settings:
      self.overruled.append((self.settings[key], newer))
    self.settings[key] = newer

  def written(self, key: Key) -> str:
    """The key as a gin file says it."""
    if isinstance(key, Macro):
      return key.name
    return f"{key.scope}/{self.names.paths[key.target]}.{key.name}".lstrip("/")

  def as_gin(self, read: Collection[Key]) -> str:
    """The lines that were read, as one gin file that needs no include."""
    macros: list[str] = []
    fields: list[str] = []
    modules = dict(self.names.modules)
    for key, setting in self.settings.items():
      if key in read:
        value = walk(setting.value, lambda leaf: _Verbatim(self._leaf_as_gin(leaf)))
        lines = macros if isinstance(key, Macro) else fields
        lines.append(f"{self.written(key)} = {value!r}")
        for thing in {subject(key)} | mentions(setting.value):
          # A class that was met in an annotation has no import yet.
          if callable(thing) and self.names.paths[thing].startswith(f"{thing.__module__}."):
            modules[thing.__module__] = None
    imports = [f"import {module}" for module in modules]
    head = ["from __gin__ import dynamic_registration", *imports]
    return "\n".join([*head, "", *macros, "", *sorted(fields), ""])

  def _leaf_as_gin(self, leaf: Any) -> str:
    match leaf:
      case Macro(name):
        return f"%{name}"
      case Reference(scope, target, called):
        path = f"{scope}/{self.names.paths[target]}".lstrip("/")
        return f"@{path}()" if called else f"@{path}"
    return repr(leaf)


class _Verbatim(str):
  """Text whose repr is itself, so that the repr of a tuple of them is gin."""

  __slots__ = ()

  def __repr__(self) -> str:
    return str(self)


def walk(value: Any, leaf: Callable[[Any], Any]) -> Any:
  """Rebuilds lists, tuples and dicts around leaf(each thing in them)."""
  if isinstance(value, list | tuple):
    return type(value)(walk(item, leaf) for item in value)
  if isinstance(value, dict):
    return {walk(key, leaf): walk(item, leaf) for key, item in value.items()}
  return leaf(value)


def mentions(value: Any) -> set[Macro | Callable]:
  """The macros, classes and functions that a value names."""
  found: list[Any] = []
  walk(value, found.append)
  macros = {leaf for leaf in found if isinstance(leaf, Macro)}
  return macros | {leaf.target for leaf in found if isinstance(leaf, Reference)}


def subject(key: Key) -> Macro | Callable:
  """What somebody has to mention for this line to be read."""
  return key.target if isinstance(key, Field) else key
