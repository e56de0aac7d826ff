"""A corpus: named documents without duplicates, split once and for all by path, and fingerprinted.

read_folder("src")       Corpus.build("code", ...)               .split("train")
  c.py   as b.py   --->    a.py   empty: dropped, counted  --->    b.py, d.py, ...
  b.py   ...               b.py                                  .split("validation")
  a.py                     c.py   a copy: dropped, counted         e.py, ...
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
import functools
import hashlib
import os
from pathlib import Path
from typing import Any

from codegen_jax.errors import InputError

FORMAT = "corpus 1"  # part of every fingerprint; raise it when build() would choose differently
SPLITS = ("train", "validation")
HIDDEN = (".*",)


@dataclass(frozen=True)
class Document:
  """One file, topic or module: what is kept whole, and held out or not as a whole."""

  path: str  # stable and relative, with forward slashes: "json/decoder.py"
  text: str


@dataclass(frozen=True)
class Corpus:
  """What a model learns from and is judged on; `Corpus.build` makes one."""

  name: str
  description: str
  version: str
  documents: tuple[Document, ...]  # sorted by path; no text twice, none empty
  held_out_every: int
  duplicates_removed: int
  empty_removed: int

  @staticmethod
  def build(
    name: str,
    documents: Iterable[Document],
    *,
    description: str,
    version: str = "unversioned",
    held_out_every: int = 20,
  ) -> "Corpus":
    """Sorts, drops empty documents and exact copies, and sees that both splits have something.

    Of several documents with one text the first path in sorted order stays, so that no text is
    on both sides of the split.  Text of nothing but white space counts as empty.
    """
    if held_out_every < 2:
      raise InputError(
        f"held_out_every={held_out_every} would hold every document of corpus {name!r} out; "
        "give 2 or more (20 holds out about 5 %)"
      )
    kept: list[Document] = []
    seen_texts: set[str] = set()
    previous: Document | None = None
    duplicates = empty = 0
    for document in sorted(documents, key=lambda d: d.path):
      if previous and previous.path == document.path and previous.text != document.text:
        raise InputError(
          f"corpus {name!r} has two documents called {document.path!r} with different texts; "
          "give each its own path"
        )
      previous = document
      if not document.text.strip():
        empty += 1
      elif document.text in seen_texts:
        duplicates += 1
      else:
        seen_texts.add(document.text)
        kept.append(document)
    corpus = Corpus(
      name=name,
      description=description,
      version=version,
      documents=tuple(kept),
      held_out_every=held_out_every,
      duplicates_removed=duplicates,
      empty_removed=empty,
    )
    for split in SPLITS:
      if not corpus.split(split):
        raise InputError(
          f"corpus {name!r} has too few files for a {split} split: {len(kept)} left after dropping "
          f"{duplicates} duplicates and {empty} empty ones, of which about one in {held_out_every} "
          f"is held out for validation; give it more files"
        )
    return corpus

  def split(self, name: str) -> tuple[Document, ...]:
    if name not in SPLITS:
      raise InputError(
        f"corpus {self.name!r} has no split {name!r}; its splits are train and validation"
      )
    return self._splits[name]

  @functools.cached_property
  def _splits(self) -> dict[str, tuple[Document, ...]]:
    held_out = [is_held_out(d.path, every=self.held_out_every) for d in self.documents]
    return {
      "train": tuple(d for d, out in zip(self.documents, held_out, strict=True) if not out),
      "validation": tuple(d for d, out in zip(self.documents, held_out, strict=True) if out),
    }

  @functools.cached_property
  def fingerprint(self) -> str:
    """Changes with any byte of any path or text, and with the split; not with name or version."""
    digest = hashlib.sha256(f"{FORMAT}, one in {self.held_out_every} held out".encode())
    for document in self.documents:
      # Hashes of fixed length, so that no two lists of documents run together to the same bytes.
      digest.update(_sha256(document.path))
      digest.update(_sha256(document.text))
    return digest.hexdigest()

  def record(self) -> dict[str, Any]:
    """What a result stores, so that a reader knows which data it speaks of."""
    return {
      "fingerprint": self.fingerprint,
      "version": self.version,
      "description": self.description,
      "files": len(self.documents),
      "bytes": _num_bytes(self.documents),
      "held_out_files": len(self.split("validation")),
      "held_out_bytes": _num_bytes(self.split("validation")),
      "duplicates_removed": self.duplicates_removed,
      "empty_removed": self.empty_removed,
    }


def is_held_out(path: str, *, every: int) -> bool:
  """Whether a path is validation: a matter of its name alone, so new files move no old one."""
  return int.from_bytes(_sha256(path), "big") % every == 0


def read_folder(
  folder: str | os.PathLike[str],
  patterns: Sequence[str] = ("*.py",),
  *,
  exclude: Sequence[str] = HIDDEN,
) -> list[Document]:
  """Reads every file whose name matches a pattern, here and below, sorted by path.

  A file or folder whose own name matches `exclude` is left out with all that it contains.  A link
  to a file is read as that file; a link to a folder is not entered, so nothing goes in circles.
  Texts are exact: line ends stay as they are, and a byte order mark stays as the first character.
  """
  folder = Path(folder)
  documents = []
  try:
    if not folder.exists():
      raise InputError(f"the folder {folder} does not exist; check its spelling")
    if not folder.is_dir():
      raise InputError(f"{folder} is a file; give the folder that contains it")
    for file in files_below(folder, patterns, exclude):
      documents.append(Document(file.relative_to(folder).as_posix(), _read(file)))
  except OSError as error:
    where = error.filename or folder
    raise InputError(
      f"{where} cannot be read ({error.strerror}); allow it (chmod) or take it out of {folder}"
    ) from error
  if not documents:
    raise InputError(
      f"no file below {folder} matches {' or '.join(patterns)} (links to folders are not entered"
      f"{', names like ' + ' or '.join(exclude) + ' are left out' if exclude else ''}); "
      "give a folder with such files"
    )
  return sorted(documents, key=lambda d: d.path)


def files_below(
  folder: Path, patterns: Sequence[str], exclude: Sequence[str] = HIDDEN
) -> Iterable[Path]:
  """Files whose name matches a pattern and whose folders do not match `exclude`, in any order."""

  def fail(error: OSError) -> None:
    raise error  # os.walk passes over what it may not list unless it is told

  for parent, folders, files in os.walk(folder, onerror=fail):
    folders[:] = [name for name in folders if not matches(name, exclude)]
    for name in files:
      if matches(name, patterns) and not matches(name, exclude):
        yield Path(parent) / name


def matches(name: str, patterns: Sequence[str]) -> bool:
  return any(fnmatchcase(name, pattern) for pattern in patterns)


def _read(file: Path) -> str:
  if not file.is_file():  # reading a pipe would wait for ever
    raise InputError(f"{file} is a broken link or not a regular file; remove it")
  try:
    str(file).encode()
  except UnicodeEncodeError:
    raise InputError(f"the name of {os.fsencode(file)!r} is not UTF-8; rename that file") from None
  data = file.read_bytes()
  try:
    return data.decode("utf-8")
  except UnicodeDecodeError as error:
    raise InputError(
      f"{file} is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}; convert it "
      "(iconv -f LATIN1 -t UTF-8, if it is Latin-1) or take it out of the folder"
    ) from None


def _num_bytes(documents: Iterable[Document]) -> int:
  return sum(len(d.text.encode()) for d in documents)


def _sha256(text: str) -> bytes:
  return hashlib.sha256(text.encode()).digest()
