"""What an MTPB program printed last, and whether that was asked for: runs within the sandbox.

Nothing of this project, nor numpy, is imported: the program may, and then its values are known.
The rules are those of salesforce/CodeGen, codegen1/benchmark/mtpb_exec.py, oddities included.
"""

import ast
import builtins
import contextlib
import sys
from typing import Any

printed: list[tuple[Any, ...]] = []  # what each call of print was given


def print(*args: Any, **kwargs: Any) -> None:
  """What the program finds as `print`."""
  printed.append(args)
  builtins.print(*args, **kwargs)


def with_print(source: str) -> str:
  """The program with print around the value of its last statement, an assignment's included.

  Left alone: what ends with a call of print, or of any function whose name begins like that; what
  ends with a statement that has no value; what does not parse.
  """
  try:
    tree = ast.parse(source)
    last: Any = tree.body[-1]
    name = getattr(getattr(getattr(last, "value", None), "func", None), "id", "")
    if name.startswith("print"):
      return source
    last.value = ast.Call(ast.Name("print", ast.Load()), [last.value], [])
    return ast.unparse(ast.fix_missing_locations(tree))
  except Exception:
    return source


def passes(source: str, expected: Any, names: dict[str, Any]) -> bool:
  """Runs a program in the globals `names`; what was printed before an error still counts."""
  printed.clear()
  names["print"] = print
  with contextlib.suppress(Exception):  # as published: only what was printed counts
    exec(with_print(source), names)
  try:
    return equivalent(printed[-1][0], expected)
  except Exception:
    return False


def equivalent(got: Any, expected: Any) -> bool:
  """Whether a value is the expected one, once it is cast to its type: 3.9 is 3, "ab" is ["a", "b"].

  Raises:
    Exception: the cast fails, or nothing of this type is ever equal (a dict, None).
  """
  numpy: Any = sys.modules.get("numpy")
  if str(type(got)) == "<class 'pandas.core.series.Series'>":
    got, expected = got.to_numpy(), numpy.array(expected)
  elif type(got) is list:
    if got and type(got[0]) is tuple:
      got = [list(one) for one in got]
  elif numpy is not None:
    if type(got) in (numpy.uint8, numpy.int16, numpy.int32, numpy.int64):
      got = int(got)
    elif type(got) in (numpy.float16, numpy.float32, numpy.float64):
      got = float(got)
    elif type(got) is numpy.bool_:
      got = bool(got)
    elif type(got) is numpy.ndarray:
      got = got.tolist()
  if type(got) is not type(expected):
    if type(expected) is bool:  # bool("False") is True
      got, expected = str(got), str(expected)
    else:
      got = type(expected)(got)
  if type(got) in (str, int, set, list, bool, tuple):
    return bool(got == expected)
  if type(got) is float:
    return abs(got - expected) < 1e-6
  if numpy is not None and type(got) is numpy.ndarray:
    return bool(numpy.allclose(got, expected))
  raise ValueError(f"a {type(got).__name__} equals nothing here")
