"""The docstrings of installed packages, one document per module.

Reading a module as Python does takes most of the time, so what was found is kept in the cache,
under a hash of everything that it depends on.
"""

import ast
from collections.abc import Iterator, Sequence
import contextlib
import gc
import hashlib
import json
from pathlib import Path
import platform
import tempfile
import warnings

from codegen_jax.data.corpus import Document
from tasks.sources import cache_folder

SHORTEST = 200  # characters; below it hardly any says more than its function's name
LICENCES = ("Permission is hereby granted", "Licensed under the", "Redistribution and use in")
FORMAT = 1  # raise it when other docstrings would be found in the same modules


def documents(modules: Sequence[tuple[str, Path]]) -> list[Document]:
  """One document per module that says anything, by path.

  A docstring that several modules share goes to the first of them.  Otherwise a documentation
  copied from function to function would be in train and held out both.

  Args:
    modules: a document's path and the file that it is read from.
  """
  sources = [(path, file.read_bytes()) for path, file in sorted(modules)]
  kept = cache_folder() / "docstrings" / f"{_fingerprint(sources)}.json"
  with contextlib.suppress(OSError, ValueError):  # not made yet, or damaged
    return _kept(kept)
  found = list(_read(sources))
  with contextlib.suppress(OSError):  # the next process reads the modules again
    _keep(kept, found)
  return found


def of_module(source: bytes) -> list[str]:
  """The docstrings of a module and of its classes and functions, in the order of the source."""
  collects = gc.isenabled()
  gc.disable()  # a tree is a burst of objects; with jax loaded, collecting amid it doubles the time
  try:
    with warnings.catch_warnings():
      warnings.simplefilter("ignore")  # about other people's backslashes
      module = ast.parse(source)
  except SyntaxError:  # a template that is installed as .py; Python shows no documentation of it
    return []
  finally:
    if collects:
      gc.enable()
  return list(_below(module))


def _read(sources: Sequence[tuple[str, bytes]]) -> Iterator[Document]:
  seen: set[str] = set()
  for path, source in sources:
    texts = []
    for text in of_module(source):
      if _is_prose(text) and text not in seen:
        seen.add(text)
        texts.append(text)
    if texts:
      yield Document(path, "\n\n".join(texts) + "\n")


def _is_prose(docstring: str) -> bool:
  is_licence = any(words in docstring for words in LICENCES)
  return len(docstring) >= SHORTEST and not is_licence


def _below(node: ast.AST) -> Iterator[str]:
  if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
    text = ast.get_docstring(node)
    if text:
      yield text
  # Only statements hold definitions; ast.walk would visit every expression, which takes far longer.
  for block in ("body", "handlers", "orelse", "finalbody", "cases"):
    children = getattr(node, block, ())
    if isinstance(children, list):  # the body of a lambda is an expression
      for child in children:
        yield from _below(child)


def _fingerprint(sources: Sequence[tuple[str, bytes]]) -> str:
  digest = hashlib.sha256(repr((FORMAT, SHORTEST, LICENCES, platform.python_version())).encode())
  for path, source in sources:
    digest.update(f"{path} {len(source)}\n".encode() + source)
  return digest.hexdigest()[:16]


def _kept(path: Path) -> list[Document]:
  digest, text = path.read_text("utf-8").split("\n", 1)
  if hashlib.sha256(text.encode()).hexdigest() != digest:
    raise ValueError(f"{path} is not what was written")
  return [Document(*pair) for pair in json.loads(text)]


def _keep(path: Path, found: Sequence[Document]) -> None:
  """Several processes may do so at once."""
  text = json.dumps([(document.path, document.text) for document in found])
  path.parent.mkdir(parents=True, exist_ok=True)
  with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as draft:
    draft.write(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}")
  Path(draft.name).replace(path)
