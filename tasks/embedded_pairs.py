"""Questions about functions of the embedded code, which every machine can ask.

docstring_match   a function and a docstring's first line: its own, or another function's?
wrong_operator    a function: as it was written, or with one operator that says the opposite?

A function is asked about once, with either answer by a hash of it, and those of held-out files are
held out.
"""

import ast
from collections.abc import Iterator, Mapping
import copy
import functools

from codegen_jax.data import order
from codegen_jax.data.corpus import SPLITS, Document
from codegen_jax.data.pairs import Pair, Pairs
from tasks import embedded

FORMAT = 1  # raise it when other pairs would be made of the same code
FEWEST, MOST = 3, 40  # lines of a function
LABELS = ("no", "yes")

Function = ast.FunctionDef | ast.AsyncFunctionDef

OPPOSITES: dict[type, type] = {
  ast.Lt: ast.GtE,
  ast.Gt: ast.LtE,
  ast.Eq: ast.NotEq,
  ast.In: ast.NotIn,
  ast.Is: ast.IsNot,
  ast.Add: ast.Sub,
  ast.And: ast.Or,
}
OPPOSITES |= {opposite: operator for operator, opposite in OPPOSITES.items()}


@functools.cache
def docstring_match() -> Pairs:
  description = "functions of the embedded code and first lines of docstrings"
  return Pairs("docstring_match", description, _matches, _version)


@functools.cache
def wrong_operator() -> Pairs:
  description = "functions of the embedded code, half with an operator reversed"
  return Pairs("wrong_operator", description, _operators, _version)


def _version() -> str:
  return f"{FORMAT} {embedded.code().fingerprint}"


def _matches() -> Mapping[str, list[Pair]]:
  return {split: list(_of_docstrings(split)) for split in SPLITS}


def _of_docstrings(split: str) -> Iterator[Pair]:
  told = [(path, one, said) for path, one in _functions(split) if (said := _first_line(one))]
  for number, (path, one, said) in enumerate(told):
    fits = order.stable_hash("docstring_match", path, one.name) % 2 == 0
    if not fits:
      other = order.stable_hash("another", path, one.name) % (len(told) - 1)
      said = told[(number + 1 + other) % len(told)][2]
    question = f"\n\nDescription: {said}\nDoes it fit?\nAnswer:"
    yield Pair(path, ast.unparse(_without_docstring(one)), question, f" {LABELS[fits]}")


def _operators() -> Mapping[str, list[Pair]]:
  return {split: list(_of_operators(split)) for split in SPLITS}


def _of_operators(split: str) -> Iterator[Pair]:
  for path, one in _functions(split):
    bare = _without_docstring(one)
    places = [node for node in ast.walk(bare) if _operator(node) is not None]
    if not places:
      continue
    wrong = order.stable_hash("wrong_operator", path, one.name) % 2 == 1
    if wrong:
      _turn(places[order.stable_hash("which", path, one.name) % len(places)])
    question = "\n\nIs an operator wrong?\nAnswer:"
    yield Pair(path, ast.unparse(bare), question, f" {LABELS[wrong]}")


def _functions(split: str) -> Iterator[tuple[str, Function]]:
  """Each with the path of its file and its line."""
  for document in embedded.code().split(split):
    for node in ast.walk(_parsed(document)):
      if isinstance(node, Function) and FEWEST <= (node.end_lineno or 0) - node.lineno < MOST:
        yield f"{document.path}:{node.lineno}", node


def _parsed(document: Document) -> ast.AST:
  try:
    return ast.parse(document.text)
  except (SyntaxError, ValueError):  # a folder of one's own may hold other Pythons
    return ast.Module([], [])


def _first_line(function: Function) -> str:
  lines = (ast.get_docstring(function) or "").strip().splitlines()
  return lines[0].strip() if lines else ""


def _without_docstring(function: Function) -> Function:
  bare = copy.deepcopy(function)
  if ast.get_docstring(bare) is not None:
    bare.body = bare.body[1:] or [ast.Pass()]
  return bare


def _operator(node: ast.AST) -> ast.AST | None:
  """What may be turned into its opposite."""
  if isinstance(node, ast.Compare) and type(node.ops[0]) in OPPOSITES:
    return node.ops[0]
  if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in OPPOSITES:
    return node.op
  return None


def _turn(node: ast.AST) -> None:
  opposite = OPPOSITES[type(_operator(node))]()
  if isinstance(node, ast.Compare):
    node.ops[0] = opposite
  elif isinstance(node, ast.BinOp | ast.BoolOp):
    node.op = opposite
