"""From what gin files say to one object: which lines are read, what is missing, what is of the wrong type.

  loop.TrainConfig.steps = %TOTAL_STEPS   ->   settings[Field("", TrainConfig, "steps")] = Macro("TOTAL_STEPS")
  TOTAL_STEPS = 100                       ->   settings[Macro("TOTAL_STEPS")] = 100
  resolve(statements, TrainConfig)        ->   TrainConfig(steps=100)

The rules are gin's; a test compares the two.  Gin's own evaluator forgets where a value was set, keeps
its state in globals, and says nothing of a line that it never reads.
"""

from collections.abc import Callable, Iterator
import dataclasses
from dataclasses import dataclass, field
import inspect
import typing
from typing import Any

from codegen_jax import config_types, did_you_mean
from codegen_jax.errors import InputError


@dataclass(frozen=True)
class Macro:
  """`%NAME`, or `NAME = ...`."""

  name: str


@dataclass(frozen=True)
class Field:
  """`scope/module.Class.name = ...`; `target` may be a function as well."""

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
  """A value as written, with Macros and References in it, and where: `gin_configs/tiny.gin:7`."""

  value: Any
  where: str
  turn: int


REQUIRED = Macro("gin.REQUIRED")


@dataclass
class Statements:
  """The last word on each macro and field, and what it overruled."""

  settings: dict[Macro | Field, Setting] = field(default_factory=dict)
  overruled: list[tuple[Setting, Setting]] = field(default_factory=list)  # (older, newer)
  paths: dict[Callable, str] = field(default_factory=dict)  # TrainConfig: "codegen_jax.training.loop.TrainConfig"
  imports: dict[str, None] = field(default_factory=dict)  # in order

  def put(self, key: Macro | Field, value: Any, where: str) -> None:
    older = self.settings.get(key)
    self.settings[key] = Setting(value, where, turn=len(self.settings) + len(self.overruled))
    if older:
      self.overruled.append((older, self.settings[key]))

  def written(self, key: Macro | Field) -> str:
    if isinstance(key, Macro):
      return key.name
    return f"{key.scope}/{self.paths[key.target]}.{key.name}".lstrip("/")


@dataclass(frozen=True)
class Call:
  """What will be constructed, once every name in it is known to mean something."""

  target: Callable
  arguments: dict[str, tuple[Any, str]]  # name -> value, and how to speak of it


class Resolution:
  """Walks from the config class through all that it uses, and remembers what it read."""

  def __init__(self, statements: Statements, config_class: type):
    self.statements = statements
    self.read: set[Macro | Field] = set()
    self.visited: dict[tuple[str, Callable], Call] = {}
    self._missing: dict[str, None] = {}
    self._trail: list[Macro | Callable] = []
    self._refuse_unknown_macros()
    call = self._call(config_class, "")
    self._refuse_missing()
    self._refuse_unread()
    self.config = self._construct(call)

  def _call(self, target: Callable, scope: str) -> Call:
    arguments = {}
    # Gin's order: `a/b/Class.x` overrides `a/Class.x`, which overrides `Class.x`.
    for enclosing in prefixes(scope):
      for key, setting in self.statements.settings.items():
        if isinstance(key, Field) and (key.scope, key.target) == (enclosing, target):
          self.read.add(key)
          arguments[key.name] = key, setting
    with self._no_circle(target):
      values = {name: self._argument(*given, scope) for name, given in arguments.items()}
    for name, parameter in parameters(target).items():
      required = parameter.default is parameter.empty and parameter.kind not in VARIADIC
      if required and name not in arguments:
        self._missing[self.statements.written(Field(scope, target, name))] = None
    self.visited[scope, target] = Call(target, values)
    return self.visited[scope, target]

  def _argument(self, key: Field, setting: Setting, scope: str) -> tuple[Any, str]:
    spoken, origin = self.statements.written(key), setting
    while isinstance(origin.value, Macro) and origin.value in self.statements.settings:
      spoken, origin = origin.value.name, self.statements.settings[origin.value]
    if setting.value == REQUIRED:
      self._missing[self.statements.written(key)] = None
    value = walk(setting.value, lambda leaf: self._leaf(leaf, scope, setting.where))
    return value, f"{spoken} ({origin.where})"

  def _leaf(self, leaf: Any, scope: str, where: str) -> Any:
    if isinstance(leaf, Reference):
      return self._call(leaf.target, leaf.scope or scope) if leaf.called else leaf.target
    if not isinstance(leaf, Macro) or leaf == REQUIRED:
      return leaf
    macros = [key.name for key in self.statements.settings if isinstance(key, Macro)]
    if leaf.name not in macros:
      if did_you_mean.closest(leaf.name, macros):
        hint = did_you_mean.suggestion(leaf.name, macros, form="%{}")
        raise InputError(f"%{leaf.name} ({where}) is not set anywhere{hint}")
      self._missing[leaf.name] = None
      return leaf
    self.read.add(leaf)
    setting = self.statements.settings[leaf]
    if setting.value == REQUIRED:
      self._missing[leaf.name] = None
    with self._no_circle(leaf):  # gin evaluates a macro in a scope of its own name
      return walk(setting.value, lambda inner: self._leaf(inner, leaf.name, setting.where))
