r"""Documents out of JSONL, a line at a time, and what is no document.

{"content": "a = 1\n", "path": "x/a.py"}   --->   Document("x/a.py", "a = 1\n")
{"content": "b = 2\n"}                     --->   Document("00.jsonl:2", "b = 2\n")
{"content": "c =                           --->   Unreadable("00.jsonl:3", "it is not JSON ...")
"""

from collections.abc import Iterator
import dataclasses
import gzip
import json
import pathlib
from textwrap import shorten
from typing import Any

from codegen_jax.data.corpus import Document
from codegen_jax.errors import InputError

# Where The Stack, StarCoderData and BigQuery say which file a line was.
REPOSITORIES = ("max_stars_repo_name", "repo_name")
PATHS = ("max_stars_repo_path", "path")
LONGEST = 2**30  # bytes of a line; memory has to hold a few times as many


@dataclasses.dataclass(frozen=True)
class Unreadable:
  """A line or a file that is no document."""

  place: str
  why: str


def read(name: str, file: pathlib.Path, field: str) -> Iterator[Document | Unreadable]:
  """The text that is in `field` of each line; a document without a path is called by its place."""
  number = 0
  with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as opened:
    while line := opened.readline(LONGEST):
      number += 1
      if len(line) == LONGEST and not line.endswith(b"\n"):
        raise OSError(f"line {number} has more than {LONGEST} bytes: is it JSONL?")
      if not line.isspace():
        yield _of_line(f"{name}:{number}", line, field)
  if not number:
    yield Unreadable(name, "it is empty")


def lines(file: pathlib.Path) -> list[str]:
  """All lines of a small file, packed by gzip or not, in their order.

  Raises:
    InputError: it is not what its name says, or no UTF-8.
  """
  content = file.read_bytes()
  try:
    # Not splitlines: JSON allows U+2028 and its like inside of a string.
    return (gzip.decompress(content) if file.suffix == ".gz" else content).decode().split("\n")
  except (OSError, EOFError, ValueError) as error:
    raise InputError(f"{file} cannot be read ({error}); get it anew") from error


def document(place: str, path: str, text: str | bytes) -> Document | Unreadable:
  """A document if UTF-8 can hold it."""
  try:
    made = Document(path, text if isinstance(text, str) else text.decode())
    made.path.encode(), made.text.encode()
  except UnicodeError as error:
    return Unreadable(place, f"it is not UTF-8 ({error})")
  return made


def _of_line(place: str, line: bytes, field: str) -> Document | Unreadable:
  try:
    told = json.loads(line.decode("utf-8-sig"))
  except UnicodeDecodeError as error:
    return Unreadable(place, f"it is not UTF-8 ({error})")
  except (ValueError, RecursionError) as error:
    return Unreadable(place, f"it is not JSON ({error})")
  if not isinstance(told, dict) or not isinstance(told.get(field), str):
    fields = f"the fields {', '.join(told)}" if isinstance(told, dict) else type(told).__name__
    fields = shorten(fields, 200).encode(errors="backslashreplace").decode()
    return Unreadable(place, f"it has no text {field!r} but {fields}")
  return document(place, path(told) or place, told[field])


def path(told: dict[str, Any]) -> str:
  """The first path, below the first repository."""
  path = _first(told, PATHS)
  return "/".join(_first(told, REPOSITORIES) + path) if path else ""


def _first(told: dict[str, Any], keys: tuple[str, ...]) -> list[str]:
  return [told[key] for key in keys if isinstance(told.get(key), str)][:1]
