"""What was measured so far: lines of JSON that are added as they come, so that a rerun goes on."""

from collections.abc import Callable, Hashable
import json
import os
import pathlib
from types import TracebackType
from typing import Any

from codegen_jax.errors import InputError

Row = dict[str, Any]


class Records:
  """A file of rows, each under a key of its own; open it with `with`.

  A last line that a kill has cut short is dropped and measured again.

  Raises:
    InputError: another line is damaged.
  """

  def __init__(self, path: pathlib.Path, key: Callable[[Row], Hashable]):
    self._path, self._key = path, key
    self.rows: dict[Hashable, Row] = {}

  def __enter__(self) -> "Records":
    self._path.parent.mkdir(parents=True, exist_ok=True)
    content = self._path.read_bytes() if self._path.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    for number, line in enumerate(whole.splitlines(), start=1):
      try:
        row = json.loads(line)
        self.rows[self._key(row)] = row
      except (ValueError, TypeError, KeyError) as error:
        raise InputError(
          f"{self._path}:{number} is damaged ({error}); delete the line and it is measured again"
        ) from error
    if len(whole) < len(content):
      with self._path.open("r+b") as file:
        file.truncate(len(whole))
    self._file = self._path.open("a", encoding="utf-8")
    return self

  def __exit__(
    self,
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None,
  ) -> None:
    self._file.flush()
    os.fsync(self._file.fileno())
    self._file.close()

  def add(self, row: Row) -> None:
    """Written at once: a kill loses what is being made, not what is made."""
    self._file.write(json.dumps(row) + "\n")
    self._file.flush()
    self.rows[self._key(row)] = row
