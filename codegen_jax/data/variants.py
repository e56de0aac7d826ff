"""A task under another setting of its objective:   local_code_psm@rate=0.9

  local_code_codegen2@lengths=(1,16)           spans of 1 to 16 tokens
  local_code_span_corruption@ratio=0.15        one number for a pair is both: always 15 %
  local_code_psm@order=spm@rate=0.5            several
  local_code_ul2@objectives.3.objective.objective.spans.ratio=0.5    of one part of several

A setting is a field of the objective, or of one that it is made of, by its name or by the end of
its path.
"""

import ast
from collections.abc import Iterator, Sequence
import dataclasses
import re
from typing import Any

import seqio

from codegen_jax import did_you_mean
from codegen_jax.data.objectives import Objective
from codegen_jax.data.seqio_rows import read_rows
from codegen_jax.errors import InputError

MARK = "@"


def of(task: seqio.Task, settings: Sequence[str]) -> seqio.Task:
  """The task with `rate=0.9` and the like.

  Raises:
    InputError: the objective has no such setting, or cannot take that value.
  """
  objective = task.source.objective
  for setting in settings:
    objective = _changed(objective, setting, task.name)
  # seqio's names have no @, = or brackets.
  name = re.sub(r"[^\w.:]", "_", ":".join([task.name, *settings]))
  rows = task.source.under(name, objective)
  return seqio.Task(
    name,
    source=rows,
    preprocessors=[read_rows(rows)],
    output_features=task.output_features,
    shuffle_buffer_size=None,
  )


def settings(objective: Objective) -> dict[str, Any]:
  """{"objective.rate": 1.0, "objective.cuts": "character"}: all that can be set, with its value."""
  return dict(_walk(objective, ""))


def _walk(part: Any, path: str) -> Iterator[tuple[str, Any]]:
  if dataclasses.is_dataclass(part):
    for field in dataclasses.fields(part):
      if field.repr:  # what is not shown, as a vocabulary, is no setting
        yield from _walk(getattr(part, field.name), f"{path}.{field.name}".lstrip("."))
  elif isinstance(part, tuple) and any(map(dataclasses.is_dataclass, part)):
    for number, item in enumerate(part):
      yield from _walk(item, f"{path}.{number}")
  else:
    yield path, part


def _changed(objective: Objective, setting: str, task: str) -> Objective:
  name, equals, written = setting.partition("=")
  if not equals or not name or not written:
    raise InputError(f"{task}{MARK}{setting} sets nothing; write {task}{MARK}NAME=VALUE")
  known = settings(objective)
  found = [path for path in known if f".{path}".endswith(f".{name}")]
  if not found:
    near = did_you_mean.suggestion(name, {path.split(".")[-1] for path in known})
    raise InputError(f"the objective of {task} has no setting {name!r}{near}")
  if len(found) > 1:
    raise InputError(
      f"the objective of {task} has {len(found)} settings {name!r}: write one of {', '.join(found)}"
    )
  value = _value(written, known[found[0]], f"{task}{MARK}{setting}")
  return _replaced(objective, found[0].split("."), value)


def _value(written: str, before: Any, where: str) -> Any:
  """As Python writes it; a text needs no quotes."""
  try:
    value = ast.literal_eval(written)
  except (ValueError, SyntaxError):
    value = written
  if isinstance(before, tuple) and len(before) == 2 and isinstance(value, int | float):
    value = (value, value)
  if not _alike(value, before):
    raise InputError(f"{where}: {value!r} is no value for it; it is {before!r} otherwise")
  return _as(value, before)


def _alike(value: Any, before: Any) -> bool:
  """Whether one may stand in the place of the other: a number for a number, a pair for a pair."""
  if isinstance(before, tuple):
    pairs = zip(value, before, strict=True) if isinstance(value, tuple) else ()
    return isinstance(value, tuple) and len(value) == len(before) and all(_alike(*p) for p in pairs)
  if isinstance(before, float):
    return isinstance(value, int | float) and not isinstance(value, bool)
  return type(value) is type(before)


def _as(value: Any, before: Any) -> Any:
  """1 is 1.0 where a float belongs."""
  if isinstance(before, tuple):
    return tuple(_as(*pair) for pair in zip(value, before, strict=True))
  return float(value) if isinstance(before, float) else value


def _replaced(part: Any, path: Sequence[str], value: Any) -> Any:
  if not path:
    return value
  first, rest = path[0], path[1:]
  if isinstance(part, tuple):
    number = int(first)
    return (*part[:number], _replaced(part[number], rest, value), *part[number + 1 :])
  return dataclasses.replace(part, **{first: _replaced(getattr(part, first), rest, value)})
