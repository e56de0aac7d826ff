"""From what gin files say to one object; refuses what is unread, missing, or of the wrong type.

The rules are gin's own, and a test compares the two.  Gin's evaluator is not used because it
forgets where a value was set, keeps its state in globals, and is silent about what it never reads.
"""

from collections.abc import Callable, Iterator
import contextlib
from dataclasses import dataclass
import inspect
import typing
from typing import Any

from codegen_jax import did_you_mean
from codegen_jax.errors import InputError
from codegen_jax.gin_files import field_types, names
from codegen_jax.gin_files.statements import (
  REQUIRED,
  Field,
  Key,
  Macro,
  Reference,
  Setting,
  Statements,
  mentions,
  subject,
  walk,
)

VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True)
class Argument:
  """What a field was given."""

  value: Any  # with Calls in it
  said: str  # "TOTAL_STEPS (gin_configs/tiny.gin:7)", where a reader would go to change it


@dataclass(frozen=True)
class Call:
  """What will be constructed, once every name is known to mean something."""

  target: Callable
  arguments: dict[str, Argument]


class Resolution:
  """Walks from the config class through all that it uses, and remembers what it read."""

  def __init__(self, statements: Statements, config_class: type):
    self._statements = statements
    self._settings = statements.settings
    self._paths = statements.names.paths
    self.read: set[Key] = set()
    self._calls: dict[tuple[str, Callable], Call] = {}
    self._missing: dict[str, None] = {}  # in order
    self._trail: list[Any] = []
    self._refuse_unknown_macros()
    call = self._call("", config_class)
    self._refuse_missing()
    self._refuse_unread()
    self.config = self._construct(call)

  def _call(self, scope: str, target: Callable) -> Call:
    given: dict[str, Field] = {}
    for enclosing in _enclosing(scope):
      for key in self._settings:
        if isinstance(key, Field) and (key.scope, key.target) == (enclosing, target):
          given[key.name] = key
          self.read.add(key)
    for name, parameter in names.parameters(target).items():
      optional = parameter.default is not parameter.empty or parameter.kind in VARIADIC
      if name not in given and not optional:
        self._missing[self._statements.written(Field(scope, target, name))] = None
    with self._no_circle((scope, target), self._paths[target]):
      arguments = {name: self._argument(key, scope) for name, key in given.items()}
    self._calls[scope, target] = Call(target, arguments)
    return self._calls[scope, target]

  def _argument(self, key: Field, scope: str) -> Argument:
    if self._settings[key].value == REQUIRED:
      self._missing[self._statements.written(key)] = None
    value = self._evaluated(self._settings[key], scope)
    source: Key = key
    while isinstance(macro := self._settings[source].value, Macro) and macro in self._settings:
      source = macro
    return Argument(value, f"{self._statements.written(source)} ({self._settings[source].where})")

  def _evaluated(self, setting: Setting, scope: str) -> Any:
    def evaluate(leaf: Any) -> Any:
      if isinstance(leaf, Reference):
        return self._call(leaf.scope or scope, leaf.target) if leaf.called else leaf.target
      return self._macro(leaf, setting.where) if isinstance(leaf, Macro) else leaf

    return walk(setting.value, evaluate)

  def _macro(self, macro: Macro, where: str) -> Any:
    if macro == REQUIRED:
      return None
    if macro not in self._settings:
      known = [key.name for key in self._settings if isinstance(key, Macro)]
      if near := did_you_mean.closest(macro.name, known):
        raise InputError(f"%{macro.name} ({where}) is not set anywhere; did you mean %{near}?")
    if macro not in self._settings or self._settings[macro].value == REQUIRED:
      self._missing[macro.name] = None
      return None
    self.read.add(macro)
    with self._no_circle(macro, f"%{macro.name}"):
      return self._evaluated(self._settings[macro], scope=macro.name)  # as gin does

  @contextlib.contextmanager
  def _no_circle(self, step: Any, name: str) -> Iterator[None]:
    if step in self._trail:
      raise InputError(f"{name} is defined through itself: give it a value that does not need it")
    self._trail.append(step)
    yield
    self._trail.pop()

  def _refuse_unknown_macros(self) -> None:
    overruled = [old for old, _ in self._statements.overruled]
    settings = [*self._settings.values(), *overruled]
    mentioned = {thing for setting in settings for thing in mentions(setting.value)}
    readable = [macro.name for macro in mentioned if isinstance(macro, Macro) and macro != REQUIRED]
    unknown = [
      f"unknown macro {key.name} ({setting.where}): nothing reads it"
      + did_you_mean.suggestion(key.name, readable)
      for key, setting in self._settings.items()
      if isinstance(key, Macro) and key not in mentioned
    ]
    if unknown:
      raise InputError("; ".join(unknown))

  def _refuse_missing(self) -> None:
    missing = list(self._missing)
    if not missing:
      return
    line = f"{missing[0]} = ..."
    if missing[1:]:
      verb, line = "are", f"a line such as {line} for each"
    else:
      verb, line = "is", f"a line {line}"
    listed = " and ".join(filter(None, [", ".join(missing[:-1]), missing[-1]]))
    raise InputError(
      f"{listed} {verb} required and not set: add {line} to your gin file"
      f" or pass --gin.{missing[0]}=VALUE"
    )

  def _refuse_unread(self) -> None:
    until = self._had_readers_until()
    unread = {
      key: setting
      for key, setting in self._settings.items()
      if key not in self.read and setting.turn > until.get(subject(key), -1)
    }
    # A macro whose only reader is itself unread needs no sentence of its own.
    explained = set[Any]().union(*(mentions(setting.value) for setting in unread.values()))
    lines_by_reason: dict[str, list[str]] = {}
    for key, setting in unread.items():
      if key not in explained:
        line = f"{self._statements.written(key)} ({setting.where})"
        lines_by_reason.setdefault(self._why_unread(key), []).append(line)
    if lines_by_reason:
      raise InputError(
        "; ".join(
          f"{' and '.join(lines)} {'have' if lines[1:] else 'has'} no effect: {reason}"
          for reason, lines in lines_by_reason.items()
        )
      )

  def _had_readers_until(self) -> dict[Macro | Callable, int]:
    """When the last reader of a macro or class was overruled.

    A base file may set `adam.Adam.b1` and an arm then replace `@adam.Adam()`: the line was fine
    when it was written.  Said after the replacement, it would be a mistake.
    """
    until: dict[Macro | Callable, int] = {}
    pending = [(old, new.turn) for old, new in self._statements.overruled]
    while pending:
      setting, turn = pending.pop()
      for thing in mentions(setting.value):
        if until.get(thing, -1) < turn:
          until[thing] = turn
          pending += [(line, turn) for key, line in self._settings.items() if subject(key) == thing]
    return until

  def _why_unread(self, key: Key) -> str:
    for old, new in self._statements.overruled:
      if subject(key) in mentions(old.value):
        return f"{old.where} reads it, but that line is overruled by {new.where}"
    if isinstance(key, Macro):
      return "the lines that mention it are not read either"
    path = self._paths[key.target]
    scopes = {f"{scope}/" for scope, target in self._calls if target is key.target}
    if scopes:
      near = did_you_mean.suggestion(f"{key.scope}/", scopes - {"/"})
      return f"nothing uses {path} in the scope {key.scope}/{near}"
    for (_, target), call in self._calls.items():
      for name, hint in names.hints(target).items():
        if name not in call.arguments and key.target in (hint, *typing.get_args(hint)):
          line = f"{self._paths[target]}.{name} = @{path}()"
          return f"nothing uses {path}; did you forget {line}?"
    return f"nothing uses {path}"

  def _construct(self, call: Call) -> Any:
    path, hints = self._paths[call.target], names.hints(call.target)
    values = {}
    for name, argument in call.arguments.items():
      value = walk(argument.value, lambda x: self._construct(x) if isinstance(x, Call) else x)
      try:
        values[name] = field_types.fit(value, hints.get(name, Any))
      except field_types.MisfitError:
        wanted = f"{field_types.describe(hints[name])}{field_types.advice(value, hints[name])}"
        spoken = field_types.spoken(value)
        raise InputError(f"{argument.said} is {spoken}, but {path}.{name} takes {wanted}") from None
    try:
      return call.target(**values)
    except InputError:
      raise
    except ValueError as error:
      raise InputError(f"{path}: {error}") from error


def _enclosing(scope: str) -> list[str]:
  """a/b -> "", a, a/b: gin lets `a/b/Class.x` override `a/Class.x`, and that override `Class.x`."""
  parts = scope.split("/") if scope else []
  return ["/".join(parts[:n]) for n in range(len(parts) + 1)]
