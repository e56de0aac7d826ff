"""What `loop.TrainConfig` means in a file that says `from codegen_jax.training import loop`."""

from collections.abc import Callable
import dataclasses
import importlib
import inspect
import pkgutil
import sys
import types
import typing
from typing import Any

from codegen_jax import did_you_mean
from codegen_jax.errors import InputError


class Names:
  """The classes and functions met so far, each under its full path.

  A file sees the names that it imports, and any class met so far by the end of its path
  (`TrainConfig`, `loop.TrainConfig`).  The command line sees what every file imports.
  """

  def __init__(self, config_class: type):
    self.paths: dict[
      Callable, str
    ] = {}  # the class TrainConfig: "codegen_jax.training.loop.TrainConfig"
    self.modules: dict[str, None] = {}  # imported, in order
    self._symbols: dict[str, set[str]] = {}  # of all files; two may use one name for two modules
    self._meet(config_class)

  def _meet(self, config_class: type) -> None:
    self.paths[config_class] = qualified(config_class)
    for hint in hints(config_class).values():
      for part in (hint, *typing.get_args(hint)):
        if inspect.isclass(part) and dataclasses.is_dataclass(part) and part not in self.paths:
          self._meet(part)

  def of_command_line(self) -> dict[str, str]:
    return {name: next(iter(means)) for name, means in self._symbols.items() if len(means) == 1}

  def import_module(
    self, module: str, bound_name: str, symbols: dict[str, str], where: str
  ) -> None:
    """`bound_name` is what the statement binds: `b` of `from a import b`, `a` of `import a.b`."""
    try:
      importlib.import_module(module)
    except ModuleNotFoundError as error:
      if error.name is None or not f"{module}.".startswith(f"{error.name}."):
        raise  # the module is there; something that it imports is not
      raise InputError(f"no module {error.name} ({where}){_near_module(error.name)}") from None
    self.modules[module] = None
    symbols[bound_name] = bound_name if module.startswith(f"{bound_name}.") else module
    self._symbols.setdefault(bound_name, set()).add(symbols[bound_name])

  def find(self, selector: str, symbols: dict[str, str], where: str) -> Callable:
    """The class or function that `selector` means, or an InputError that says what it may mean."""
    first, *rest = selector.split(".")
    if first not in symbols:
      return self._find_by_end(selector, symbols, where)
    target: Any = sys.modules[symbols[first]]
    path = symbols[first]
    for name in rest:
      if not hasattr(target, name):
        near = did_you_mean.closest(name, [other for other in dir(target) if other[0] != "_"])
        hint = f"; did you mean {near!r}?" if near else ""
        raise InputError(f"{path} has no {name!r} ({where}){hint}")
      target, path = getattr(target, name), f"{path}.{name}"
    if isinstance(target, types.ModuleType):
      raise InputError(f"{selector} ({where}) is a module: write {selector}.CLASS.FIELD = ...")
    if not callable(target):
      raise InputError(f"{selector} ({where}) is neither a class nor a function: it is {target!r}")
    self.paths.setdefault(target, path)
    return target

  def _find_by_end(self, selector: str, symbols: dict[str, str], where: str) -> Callable:
    matches = {path: t for t, path in self.paths.items() if f".{path}".endswith(f".{selector}")}
    if len(matches) == 1:
      return next(iter(matches.values()))
    if matches:
      raise InputError(f"{selector} ({where}) may be {' or '.join(matches)}: write more of it")
    parts = selector.split(".")
    ends = [".".join(path.split(".")[-len(parts) :]) for path in self.paths.values()]
    through_imports = [".".join([symbol, *parts[1:]]) for symbol in symbols]
    hint = did_you_mean.suggestion(selector, [*ends, *through_imports])
    raise InputError(f"no import gives a meaning to {selector} ({where}){hint}")

  def check_field(self, target: Callable, field: str, where: str) -> None:
    accepted = parameters(target)
    takes_any = any(parameter.kind == parameter.VAR_KEYWORD for parameter in accepted.values())
    if field not in accepted and not takes_any:
      hint = did_you_mean.suggestion(field, accepted, form="'{}'")
      raise InputError(f"{self.paths[target]} has no field {field!r} ({where}){hint}")


def _near_module(module: str) -> str:
  parent, _, leaf = module.rpartition(".")
  if hasattr(sys.modules.get(parent), leaf):
    name = parent.rpartition(".")[2]
    return f"; gin imports modules only: import {parent} and write {name}.{leaf}"
  siblings = pkgutil.iter_modules(getattr(sys.modules.get(parent), "__path__", None))
  near = did_you_mean.closest(leaf, [sibling.name for sibling in siblings])
  return f"; did you mean {f'{parent}.{near}'.lstrip('.')}?" if near else ""


def qualified(target: Any) -> str:
  return f"{target.__module__}.{target.__qualname__}"


def parameters(target: Callable) -> dict[str, inspect.Parameter]:
  return dict(inspect.signature(target).parameters)


def hints(target: Any) -> dict[str, Any]:
  """The annotations of what a class is constructed from, or of a function's arguments."""
  if inspect.isclass(target) and not dataclasses.is_dataclass(target):
    target = target.__init__
  return typing.get_type_hints(target)
