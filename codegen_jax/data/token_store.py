"""The tokens of one split on disk, read by position: all documents end to end, each closed by eos.

tokens.npy      a b c </s> d </s> e f </s>     uint16 if the vocabulary allows, else uint32
offsets.npy     0          4      6        9   where each document begins, and the end
documents.json  ["x.py", "y.py", "z.py"]
checksums.npy   of the tokens, block by block
meta.json       fingerprint, sizes, what was recorded of the documents, checksums of all of this
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
import contextlib
import dataclasses
from dataclasses import dataclass
import functools
import glob
import io
import json
import os
from pathlib import Path
import shutil
import time
from typing import Any
import uuid
import zlib

from jaxtyping import Int32, Int64, UInt
import numpy as np

from codegen_jax.data.token_file import Checksums, HeldFile, TokenFile, damaged
from codegen_jax.errors import InputError

FORMAT = 1
META = {"format", "fingerprint", "vocab_size", "eos_id", "num_tokens", "num_documents"}
CHECKED = ("offsets.npy", "documents.json", "checksums.npy")
DAY = 24 * 60 * 60


@dataclass(frozen=True, eq=False)
class TokenStore:
  """`write` makes one, `TokenStore.open` finds it again."""

  folder: Path
  tokens: TokenFile | UInt[np.ndarray, " tokens"]
  offsets: Int64[np.ndarray, " documents_and_end"]
  fingerprint: str
  vocab_size: int
  eos_id: int
  record: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  documents: HeldFile | None = None  # documents.json, read when a path is asked for
  checks: Mapping[str, list[int]] = dataclasses.field(default_factory=dict)

  @staticmethod
  def open(folder: str | os.PathLike[str], *, fingerprint: str | None = None) -> "TokenStore":
    """Opens a store; with a fingerprint, only if it was written under that one.

    A store that was written before there were checksums is held against its sizes alone.
    """
    folder = Path(folder)
    if not folder.is_dir():
      raise InputError(f"there is no token store at {folder}; prepare the data first")
    try:
      meta = _read_meta(folder)
      if fingerprint not in (None, meta["fingerprint"]):
        raise InputError(
          f"the token store {folder} holds other data or another tokenizer's tokens (fingerprint "
          f"{meta['fingerprint']}, expected {fingerprint}); delete that folder and prepare it again"
        )
      checks = meta.get("checks", {})
      checksums = _read_array(folder, "checksums.npy", checks) if checks else None
      tokens = TokenFile(folder / "tokens.npy", checksums)
      offsets = _read_array(folder, "offsets.npy", checks)
      documents = HeldFile(folder / "documents.json")
      if checks and documents.size != checks["documents.json"][0]:
        raise ValueError("documents.json is not what was written")
    except FileNotFoundError as error:
      raise damaged(folder, f"{Path(error.filename).name} is missing") from None
    except InputError:
      raise
    except (ValueError, EOFError) as error:
      raise damaged(folder, str(error)) from None
    except OSError as error:
      raise InputError(
        f"the token store {folder} cannot be read ({error.strerror}); allow it (chmod)"
      ) from error
    if tokens.dtype != _dtype(meta["vocab_size"]) or len(tokens) != meta["num_tokens"]:
      raise damaged(folder, f"tokens.npy is not {meta['num_tokens']} {_dtype(meta['vocab_size'])}")
    if (
      offsets.dtype != np.int64
      or len(offsets) != meta["num_documents"] + 1
      or (offsets[0], offsets[-1]) != (0, len(tokens))
      or np.any(offsets[1:] <= offsets[:-1])  # every document has at least its eos
    ):
      raise damaged(folder, f"offsets.npy does not describe the {len(tokens)} tokens")
    known = meta["fingerprint"], meta["vocab_size"], meta["eos_id"], meta.get("record", {})
    return TokenStore(folder, tokens, offsets, *known, documents, checks)

  @property
  def num_tokens(self) -> int:
    return len(self.tokens)

  @property
  def num_documents(self) -> int:
    return len(self.offsets) - 1

  @functools.cached_property
  def paths(self) -> tuple[str, ...]:
    assert self.documents is not None  # a store that was opened has them
    data = self.documents.read(0, self.documents.size)
    try:
      _compare("documents.json", data, self.checks)
      paths = tuple(json.loads(data))
    except ValueError as error:
      raise damaged(self.folder, f"documents.json: {error}") from None
    if len(paths) != self.num_documents:
      raise damaged(self.folder, f"documents.json names {len(paths)}, not {self.num_documents}")
    return paths

  def document_at(self, position: int) -> int:
    """Index of the document that owns the token at a position; a document owns its eos."""
    if not 0 <= position < self.num_tokens:
      raise IndexError(f"position {position} of {self.num_tokens} tokens")
    return int(self.offsets.searchsorted(position, side="right")) - 1

  def slice(self, start: int, stop: int) -> tuple[Int32[np.ndarray, " n"], Int32[np.ndarray, " n"]]:
    """Tokens start:stop and, for each of them, the index of its document.

    slice(2, 7) of the picture above:   c </s> d </s> e   and   0 0 1 1 2
    """
    if not 0 <= start <= stop <= self.num_tokens:
      raise IndexError(f"slice {start}:{stop} of {self.num_tokens} tokens")
    tokens = self.tokens[start:stop].astype(np.int32)
    if not self.checks and tokens.size and tokens.max() >= self.vocab_size:
      what = f"the token id {tokens.max()} in a vocabulary of {self.vocab_size}"
      raise damaged(self.folder, what)
    if start == stop:
      return tokens, np.empty(0, np.int32)
    first, last = self.offsets.searchsorted((start, stop - 1), side="right") - 1
    bounds = self.offsets[first : last + 2].copy()
    bounds[0], bounds[-1] = start, stop
    return tokens, np.arange(first, last + 1, dtype=np.int32).repeat(bounds[1:] - bounds[:-1])


def write(
  folder: str | os.PathLike[str],
  documents: Iterable[tuple[str, Sequence[int] | np.ndarray]],
  *,
  vocab_size: int,
  eos_id: int,
  fingerprint: str,
  record: Callable[[], Mapping[str, Any]] = dict,
) -> TokenStore:
  """Writes documents as they come, one in memory at a time, and opens the result.

  What `record` says after the last of them is kept with the tokens.
  The store appears whole or not at all: it is written beside its place and then renamed.  If
  another process was faster, its store is used.
  """
  folder = Path(folder)
  if not 0 <= eos_id < vocab_size:
    raise InputError(
      f"eos_id {eos_id} is outside a vocabulary of {vocab_size}; are tokenizer and model a pair?"
    )
  # Not tempfile.mkdtemp: its folders are for one user alone, and stores are shared.
  draft = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
  try:
    draft.mkdir(parents=True)
    _remove_abandoned(folder)
  except OSError as error:
    raise InputError(
      f"cannot make the token store {folder} ({error.strerror}); choose a folder that you may write"
    ) from error
  try:
    sizes = _write_files(draft, documents, vocab_size=vocab_size, eos_id=eos_id)
    checks = {name: _check((draft / name).read_bytes()) for name in CHECKED}
    meta = {"format": FORMAT, "fingerprint": fingerprint, **sizes, "record": record()}
    _write_meta(draft, meta | {"checks": checks})
    try:
      draft.rename(folder)
    except OSError:  # a folder that is not empty cannot be replaced
      if not folder.exists():
        raise
  except OSError as error:  # of the disk: what reads documents tells its own in InputErrors
    raise InputError(
      f"cannot write the token store {folder} ({error}); nothing of it is kept: make room, or"
      " choose another folder"
    ) from error
  finally:
    shutil.rmtree(draft, ignore_errors=True)
  return TokenStore.open(folder, fingerprint=fingerprint)


def _write_files(
  folder: Path,
  documents: Iterable[tuple[str, Sequence[int] | np.ndarray]],
  *,
  vocab_size: int,
  eos_id: int,
) -> dict[str, int]:
  dtype = _dtype(vocab_size)
  paths, offsets, checksums = [], [0], Checksums()
  with (folder / "tokens.npy").open("wb") as file:
    # numpy leaves room in a header for its first axis to grow, so the true length goes in last.
    header_end = _write_header(file, dtype, length=0)
    for path, ids in documents:
      ids = ids if isinstance(ids, np.ndarray) else np.array(ids, np.int64)
      if ids.size and (ids.min() < 0 or ids.max() >= vocab_size):
        wrong = ids[(ids < 0) | (ids >= vocab_size)][0]
        raise InputError(
          f"{path} has the token id {wrong}, outside a vocabulary of {vocab_size}; "
          "are tokenizer and model a pair?"
        )
      closed = np.full(len(ids) + 1, eos_id, dtype)
      closed[:-1] = ids
      data = closed.data.cast("B")
      file.write(data)
      checksums.update(data)
      paths.append(path)
      offsets.append(offsets[-1] + len(ids) + 1)
    if not paths:
      raise InputError("no documents to store; is the split empty?")
    file.seek(0)
    if _write_header(file, dtype, length=offsets[-1]) != header_end:
      raise RuntimeError("the header of tokens.npy outgrew its room")
  np.save(folder / "offsets.npy", np.array(offsets, dtype=np.int64))
  np.save(folder / "checksums.npy", checksums.finish())
  (folder / "documents.json").write_text(json.dumps(paths))
  return {
    "vocab_size": vocab_size,
    "eos_id": eos_id,
    "num_tokens": offsets[-1],
    "num_documents": len(paths),
  }


def _write_header(file, dtype: np.dtype, *, length: int) -> int:
  header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False}
  np.lib.format.write_array_header_1_0(file, header | {"shape": (length,)})
  return file.tell()


def _dtype(vocab_size: int) -> np.dtype:
  return np.dtype(np.uint16 if vocab_size <= 2**16 else np.uint32)


def _write_meta(folder: Path, meta: dict[str, Any]) -> None:
  sealed = meta | {"seal": _seal(meta)}
  (folder / "meta.json").write_text(json.dumps(sealed, indent=2) + "\n")


def _read_meta(folder: Path) -> dict[str, Any]:
  meta = json.loads((folder / "meta.json").read_text())
  if not isinstance(meta, dict) or not meta.keys() >= META or meta["format"] != FORMAT:
    raise ValueError(f"meta.json is not of format {FORMAT}")
  seal = meta.pop("seal", None)
  if (seal is None) != ("checks" not in meta) or seal not in (None, _seal(meta)):
    raise ValueError("meta.json is not what was written")
  return meta


def _seal(meta: dict[str, Any]) -> int:
  return zlib.crc32(json.dumps(meta, sort_keys=True).encode())


def _read_array(folder: Path, name: str, checks: Mapping[str, list[int]]) -> np.ndarray:
  """A file of one array, whole and in memory."""
  data = (folder / name).read_bytes()
  _compare(name, data, checks)
  return np.load(io.BytesIO(data))


def _compare(name: str, data: bytes, checks: Mapping[str, list[int]]) -> None:
  if checks and _check(data) != checks[name]:
    raise ValueError(f"{name} is not what was written")


def _check(data: bytes) -> list[int]:
  return [len(data), zlib.crc32(data)]


def _remove_abandoned(folder: Path) -> None:
  """Drafts of this store that nobody has written to for a day: their process was killed."""
  for draft in folder.parent.glob(f".{glob.escape(folder.name)}.*"):
    with contextlib.suppress(OSError):  # another process may be done with it at this moment
      last = max(file.stat().st_mtime for file in (draft, *draft.iterdir()))
      if time.time() - last > DAY:
        shutil.rmtree(draft)
