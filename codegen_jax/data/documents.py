"""A corpus too large for memory: documents are read one by one, and split by a hash of their path.

the_stack/00.jsonl.gz   lines of JSON  --->  train        x/a.py, x/b.py, y/__init__.py, ...
the_stack/01.jsonl                     --->  validation   z/c.py, ...
                                       --->  counted      empty; no JSON, no text, not UTF-8
"""

from collections.abc import Iterator
import dataclasses
import functools
import hashlib
import os
import pathlib
import sys
from typing import Any
import zlib

from codegen_jax.data import corpus, jsonl
from codegen_jax.data.corpus import SPLITS, Document
from codegen_jax.data.jsonl import Unreadable
from codegen_jax.errors import InputError

FORMAT = "documents 1"  # part of every fingerprint; raise it when other documents would be chosen
HELD_OUT_EVERY = 200  # half a percent of so much text is enough to measure on

LINES = ("*.jsonl", "*.jsonl.gz")
SOURCES = (
  *("*.c", "*.h", "*.cc", "*.cpp", "*.hpp", "*.cs", "*.dart", "*.go", "*.java", "*.js", "*.kt"),
  *("*.lua", "*.php", "*.py", "*.rb", "*.rs", "*.scala", "*.sh", "*.sql", "*.swift", "*.ts"),
  *("*.vue", "*.md", "*.rst", "*.txt"),
)
UNREAD = ("*.parquet", "*.arrow", "*.zst", "*.xz", "*.bz2", "*.zip", "*.tar", "*.tar.gz", "*.tgz")

MOST_UNREADABLE = 0.01  # more of them, and something is wrong with all
FEWEST_READ = 10_000  # lines before that is said; a small corpus is read to its end
MIB = 2**20


@dataclasses.dataclass
class Counts:
  """What there is, under the names of `Corpus.record`: a file is a document, held out or not."""

  files: int = 0
  bytes: int = 0
  held_out_files: int = 0
  held_out_bytes: int = 0
  empty_removed: int = 0
  unreadable: int = 0
  first_unreadable: str = ""

  @property
  def seen(self) -> int:
    return self.files + self.empty_removed + self.unreadable


class Documents:
  """Files below a folder, or one file, which stay on disk; copies in them are not looked for.

  JSONL is read where there is any, else files that end as source code and prose do.

  Args:
    name: of the corpus.
    path: the folder or the file.
    field: of a line of JSONL, which has the text.
    description: for the record.
    held_out_every: about so many documents for one of validation, by a hash of their names.
  """

  def __init__(
    self,
    name: str,
    path: str | os.PathLike[str],
    *,
    field: str,
    description: str,
    held_out_every: int = HELD_OUT_EVERY,
  ):
    self.name = name
    self.path = pathlib.Path(path).expanduser()
    self.field = field
    self.description = description
    self.held_out_every = held_out_every
    self._counts: Counts | None = None
    self._states: dict[str, tuple[int, int]] = {}  # of files, as they were for the fingerprint

  @functools.cached_property
  def files(self) -> dict[str, pathlib.Path]:
    """By their names below the folder, sorted."""
    files = self._list()
    for name in files:
      if corpus.matches(name, UNREAD):
        raise InputError(
          f"{name} in {self.path} is not read, only JSONL (.jsonl, .jsonl.gz) and source files are;"
          " unpack it, or convert Parquet in Python: pandas.read_parquet('x.parquet').to_json("
          "'x.jsonl', orient='records', lines=True)"
        )
    lines = {name: file for name, file in files.items() if corpus.matches(name, LINES)}
    if not files:
      raise InputError(
        f"there is neither JSONL (.jsonl, .jsonl.gz) nor source code below {self.path} (links to"
        " folders are not entered); give a folder with such files"
      )
    return lines or files

  def _list(self) -> dict[str, pathlib.Path]:
    if not self.path.is_dir():
      if not self.path.is_file():
        raise InputError(f"there is no folder and no file {self.path}; check its spelling")
      return {self.path.name: self.path}
    below = sorted(corpus.files_below(self.path, (*LINES, *SOURCES, *UNREAD)))
    for file in below:
      if not file.is_file():  # reading a pipe would wait for ever
        raise InputError(f"{file} is a broken link or not a regular file; remove it")
    return {file.relative_to(self.path).as_posix(): file for file in below}

  @functools.cached_property
  def fingerprint(self) -> str:
    """Changes with the name, the size, the first and the last MiB of any file.

    Hundreds of GB are not read twice.  So another text in the middle of a file, of exactly the same
    size, goes unnoticed: delete its tokens from the cache.
    """
    told = f"{FORMAT}, {self.field}, one in {self.held_out_every} held out"
    digest = hashlib.sha256(told.encode())
    try:
      for name, file in self.files.items():
        with file.open("rb") as opened:
          self._states[name] = _state(os.fstat(opened.fileno()))
          size, _ = self._states[name]
          first = opened.read(MIB)
          opened.seek(max(size - MIB, 0))
          # Hashes of fixed length, so that no two lists of files run together to the same bytes.
          for part in (os.fsencode(name), str(size).encode(), first, opened.read(MIB)):
            digest.update(hashlib.sha256(part).digest())
    except OSError as error:
      raise InputError(
        f"{error.filename} cannot be read ({error.strerror}); allow it (chmod) or take it out"
      ) from error
    return digest.hexdigest()

  def record(self) -> dict[str, Any]:
    """What a result stores; with counts as soon as either split was read to its end."""
    fingerprint = self.fingerprint
    size = sum(size for size, _ in self._states.values())  # as it was: a file may be gone by now
    return {
      "fingerprint": fingerprint,
      "version": f"{len(self.files)} files, {size / 1e9:.3f} GB, of {self.path.resolve().name}",
      "description": self.description,
      **(dataclasses.asdict(self._counts) if self._counts else {}),
    }

  def split(self, name: str) -> Iterator[Document]:
    """The documents of a split, in the order of their files; all are read and counted for it.

    Raises:
      InputError: more than one in a hundred cannot be read, or a split has none.
    """
    if name not in SPLITS:
      raise InputError(f"{self.name} has no split {name!r}; its splits are train and validation")
    counts = Counts()
    for read in self._read_all():
      if isinstance(read, Unreadable):
        counts.unreadable += 1
        counts.first_unreadable = counts.first_unreadable or f"{read.place}: {read.why}"
        self._refuse_too_many(counts, of=max(counts.seen, FEWEST_READ))
      elif not read.text or read.text.isspace():
        counts.empty_removed += 1
      else:
        held_out = corpus.is_held_out(read.path, every=self.held_out_every)
        size = len(read.text.encode())
        counts.files += 1
        counts.bytes += size
        counts.held_out_files += held_out
        counts.held_out_bytes += size * held_out
        if held_out == (name == "validation"):
          yield read
    self._refuse_too_many(counts, of=counts.seen)
    if not 0 < counts.held_out_files < counts.files:
      raise InputError(
        f"{self.name} has too few documents for a split in two: {counts.files} that are not empty,"
        f" {counts.held_out_files} of them for validation (about one in {self.held_out_every} is);"
        " give more"
      )
    if counts.unreadable:
      print(f"{self._unreadable(counts)} and are left out", file=sys.stderr, flush=True)
    self._counts = counts

  def _refuse_too_many(self, counts: Counts, *, of: int) -> None:
    if counts.unreadable > of * MOST_UNREADABLE:
      raise InputError(f"{self._unreadable(counts)}; repair them or take them out")

  def _unreadable(self, counts: Counts) -> str:
    return (
      f"{counts.unreadable} of {counts.seen} documents of {self.name} cannot be read (the first is"
      f" {counts.first_unreadable})"
    )

  def _read_all(self) -> Iterator[Document | Unreadable]:
    """All that the fingerprint was made of."""
    _ = self.fingerprint
    for name, file in self.files.items():
      try:
        if corpus.matches(name, LINES):
          yield from jsonl.read(name, file, self.field)
        else:
          yield jsonl.document(name, name, file.read_bytes())
        changed = _state(file.stat()) != self._states[name]
      except (OSError, EOFError, zlib.error) as error:
        raise InputError(
          f"{file} cannot be read to its end ({error}); bring it again, or take it out"
        ) from error
      if changed:
        raise InputError(
          f"{file} was changed while {self.name} was read; begin again when it is complete"
        )


def _state(told: os.stat_result) -> tuple[int, int]:
  """Size and time: what changes with a file that is still being written."""
  return told.st_size, told.st_mtime_ns
