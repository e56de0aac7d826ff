"""Gin files and flags in, one frozen and checked dataclass out: `load(TrainConfig, ["x.gin"])`.

This is the only module that imports gin, and of gin it uses the parser.  Then, in `gin_files`:
`names` knows what a name means, `statements` keeps the last word on each, `resolution` makes and
checks the object.
"""

from collections.abc import Callable, Iterator, Sequence
import dataclasses
from dataclasses import dataclass
from functools import partial
from pathlib import Path
import sys
import tokenize
import typing
from typing import Any, Generic, TypeVar

from gin import config_parser

from codegen_jax import did_you_mean
from codegen_jax.errors import InputError
from codegen_jax.gin_files.names import Names, qualified
from codegen_jax.gin_files.resolution import Resolution
from codegen_jax.gin_files.statements import REQUIRED, Field, Macro, Reference, Statements, walk

C = TypeVar("C")

CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Loaded(Generic[C]):
  """A configuration, and the gin text that gives it again with no other file: to rerun."""

  config: C
  gin_text: str


def load(
  config_class: type[C],
  gin_files: Sequence[str],
  bindings: Sequence[str] = (),
  search_paths: Sequence[str] = (),
) -> Loaded[C]:
  """Reads the files, then the bindings (`"TOTAL_STEPS = 5"`); what is said last holds.

  Files are looked for in `search_paths`, the working directory and the checkout, in that order.
  """
  if str(CHECKOUT) not in sys.path:  # so that `from tasks import local` works from any directory
    sys.path.append(str(CHECKOUT))
  reader = _Reader(config_class, search_paths)
  for name in gin_files:
    reader.read_file(name)
  for binding in bindings:
    reader.read_binding(binding)
  resolution = Resolution(reader.statements, config_class)
  return Loaded(resolution.config, reader.statements.as_gin(resolution.read))


def flat(config: Any) -> dict[str, Any]:
  """{"steps": 100, "model.num_layers": 4, "model.dtype": "float32"}: to diff, and for JSON.

  A field that may hold several classes also names the one it holds.
  """
  listing: dict[str, Any] = {}

  def add(name: str, value: Any, hint: Any) -> None:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
      if type(value) is not hint:
        listing[name] = qualified(type(value))
      hints = typing.get_type_hints(type(value))
      for field in dataclasses.fields(value):
        add(f"{name}.{field.name}".lstrip("."), getattr(value, field.name), hints[field.name])
    elif isinstance(value, dict):
      for key, item in value.items():
        add(f"{name}.{key}".lstrip("."), item, None)
    elif isinstance(value, list | tuple) and any(map(dataclasses.is_dataclass, value)):
      for index, item in enumerate(value):
        add(f"{name}.{index}", item, None)
    else:
      listing[name] = _plain(value)

  add("", config, type(config))
  return listing


def _plain(value: Any) -> Any:
  if isinstance(value, list | tuple):
    return [_plain(item) for item in value]
  if value is None or isinstance(value, bool | int | float | str):
    return value
  if isinstance(value, Path):
    return str(value)
  return qualified(value if hasattr(value, "__qualname__") else type(value))


def parse_gin_flags(argv: Sequence[str]) -> tuple[list[str], list[str], list[str], list[str]]:
  """Takes t5x's flags out of a command line: (gin_files, bindings, search_paths, rest).

  --gin_file=X            may be repeated; the later file wins
  --gin.STEPS=5           the binding `STEPS = 5`; text needs no quotes: --gin.MIXTURE=toy_clm
  --gin_bindings='A = 1'  the same, as gin writes it
  --gin_search_paths=a,b  where to look for gin files first

  The first two and the last also take their value as the next argument, except --gin.NAME.
  """
  found: dict[str, list[str]] = {"gin_file": [], "gin_bindings": [], "gin_search_paths": []}
  rest, words = [], iter(argv)
  for word in words:
    flag, has_value, value = word.removeprefix("--").partition("=")
    if not word.startswith("--") or not flag.startswith(("gin.", *found)):
      rest.append(word)
    elif flag.startswith("gin."):
      if not has_value or flag == "gin.":
        raise InputError(f"{word} needs a value: write {word}=VALUE, without spaces around the =")
      found["gin_bindings"].append(_binding(flag.removeprefix("gin."), value))
    elif flag in found:
      value = value if has_value else next(words, "")
      if not value:
        raise InputError(f"--{flag} needs a value: write --{flag}=VALUE")
      found[flag] += value.split(",") if flag == "gin_search_paths" else [value]
    else:
      raise InputError(f"unknown flag --{flag}{did_you_mean.suggestion(flag, found, form='--{}')}")
  return found["gin_file"], found["gin_bindings"], found["gin_search_paths"], rest


def _binding(name: str, value: str) -> str:
  """`NAME = VALUE`, and `NAME = 'VALUE'` where the shell has taken the quotes away."""
  try:
    list(config_parser.ConfigParser(f"{name} = {value}", _Grammar()))
  except (SyntaxError, tokenize.TokenError):
    if value and value[0] not in "([{'\"@%":  # else a slip in something that is more than a text
      return f"{name} = {value!r}"
  return f"{name} = {value}"


@dataclass(frozen=True)
class _Name:
  """A reference as written, before it is known what its name means in that file."""

  scoped: str
  called: bool


class _Grammar(config_parser.ParserDelegate):
  def configurable_reference(self, scoped_configurable_name: str, evaluate: bool) -> _Name:
    return _Name(scoped_configurable_name, evaluate)

  def macro(self, macro_name: str) -> Macro:
    return REQUIRED if macro_name in ("REQUIRED", "gin.REQUIRED") else Macro(macro_name)


Place = Callable[[int], str]  # line number -> "gin_configs/tiny.gin:7"


def _parse(text: str, place: Place) -> Iterator[Any]:
  try:
    yield from config_parser.ConfigParser(text, _Grammar())
  except (SyntaxError, tokenize.TokenError) as error:
    line = int(error.lineno or 1) if isinstance(error, SyntaxError) else error.args[1][0]
    lines = text.splitlines() or [""]
    reason = str(error.args[0]).splitlines()[0].rstrip(".")
    if "Failed to parse token" in str(error):
      reason = "text needs quotes, a macro a %, a class an @"
    said = lines[min(line, len(lines)) - 1].strip()
    raise InputError(f"gin cannot read {said!r} ({place(line)}): {reason}") from None


class _Reader:
  """Follows includes, and puts each statement down with its place."""

  def __init__(self, config_class: type, search_paths: Sequence[str]):
    self._names = Names(config_class)
    self.statements = Statements(self._names)
    self._folders = [*map(Path, search_paths), Path(), CHECKOUT]
    self._open_files: list[Path] = []

  def read_file(self, name: str, included_at: str = "") -> None:
    path = next((f / name for f in self._folders if (f / name).is_file()), None)
    if path is None:
      raise InputError(f"no gin file {name}{included_at}{self._near_file(name)}")
    if path in self._open_files:
      raise InputError(f"{name}{included_at} includes itself: take one of the includes out")
    self._open_files.append(path)
    self._read(path.read_text(encoding="utf-8"), lambda line: f"{name}:{line}", {})
    self._open_files.pop()

  def read_binding(self, binding: str) -> None:
    flag = f"--gin.{binding.partition('=')[0].strip()}"
    symbols = self._names.of_command_line()
    self._read(binding, lambda line: f"set on the command line as {flag}", symbols)

  def _near_file(self, name: str) -> str:
    by_stem: dict[str, list[str]] = {}
    for folder in self._folders:
      for path in [*(folder / name).parent.glob("*.gin"), *folder.glob("gin_configs/**/*.gin")]:
        short = path.relative_to(folder) if path.is_relative_to(folder) else path
        by_stem.setdefault(path.stem, []).append(str(short))
    if stem := did_you_mean.closest(Path(name).stem, by_stem):
      # Several folders may have a tiny.gin: the one whose whole path is nearest.
      near = did_you_mean.closest(name, by_stem[stem]) or by_stem[stem][0]
      return f"; did you mean {near}?"
    return f"; looked in {', '.join(dict.fromkeys(str(f.resolve()) for f in self._folders))}"

  def _read(self, text: str, place: Place, symbols: dict[str, str]) -> None:
    for statement in _parse(text, place):
      where = place(statement.location.line_num)
      find = partial(self._names.find, symbols=symbols, where=where)
      match statement:
        case config_parser.ImportStatement(module):
          if module != "__gin__.dynamic_registration":
            self._names.import_module(module, statement.bound_name(), symbols, where)
        case config_parser.IncludeStatement(filename):
          self.read_file(filename, f" (included at {where})")
        case config_parser.BlockDeclaration(_, selector):
          find(selector)
        case config_parser.BindingStatement(scope, selector, field, written):
          value = walk(written, partial(_linked, find=find))
          key = Field(scope, find(selector), field) if field else Macro(_join(scope, selector))
          if isinstance(key, Field):
            self._names.check_field(key.target, field, where)
          self.statements.put(key, value, where)


def _linked(leaf: Any, find: Callable[[str], Callable]) -> Any:
  """Replaces the name of a reference by what it means."""
  if not isinstance(leaf, _Name):
    return leaf
  scope, _, selector = leaf.scoped.rpartition("/")
  return Reference(scope, find(selector), leaf.called)


def _join(scope: str, name: str) -> str:
  return f"{scope}/{name}" if scope else name
