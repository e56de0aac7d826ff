"""JSON lines: cut by bytes, or read from their beginning where they are packed."""

from collections.abc import Iterator
import contextlib
import gzip
import io
import json
from typing import Any, Protocol, runtime_checkable
import zlib

from codegen_jax.prepare import fields
from codegen_jax.prepare.document import Drop, Raw
from codegen_jax.prepare.parts import Part, Reading
from codegen_jax.prepare.storage import Path

ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".json.gz")


@runtime_checkable
class Opened(Protocol):
  """A file here, one of a bucket, or what is packed in one."""

  def readline(self, size: int = -1, /) -> bytes: ...

  def seek(self, offset: int, whence: int = 0, /) -> int: ...


def parts(file: str, name: str, size: int, first: int, reading: Reading) -> Iterator[Part]:
  whole = not file.endswith(".jsonl")  # what is packed cannot be entered in its middle
  step = max(size, 1) if whole else reading.part_bytes
  for number, start in enumerate(range(0, max(size, 1), step)):
    stop = 0 if whole else min(start + step, size)
    yield Part(first + number, "lines", (file,), (name,), start, stop)


def raws(part: Part, reading: Reading) -> Iterator[Raw | tuple[str, Drop, int]]:
  name, end = part.names[0], part.stop or None
  with contextlib.ExitStack() as stack:
    try:
      file = _opened(Path(part.files[0]), stack)
      at = part.start
      if at:  # a line belongs to the part that it begins in
        file.seek(at - 1)
        at += _skip(file) - 1
      while end is None or at < end:
        begun, line = at, file.readline(reading.most_bytes + 1)
        if not line:
          return
        at += len(line)
        if len(line) > reading.most_bytes and not line.endswith(b"\n"):
          skipped = _skip(file)
          at += skipped
          yield f"{name}@{begun}", Drop("too large"), len(line) + skipped
        elif not line.isspace():
          yield _of_line(line, f"{name}@{begun}", reading)
    except (OSError, EOFError, zlib.error, ValueError) as error:
      yield name, Drop(_broken(error)), 0
    except Exception as error:  # zstandard has an error of its own
      if type(error).__name__ != "ZstdError":
        raise
      yield name, Drop("broken file"), 0


def _broken(error: Exception) -> str:
  return "truncated file" if isinstance(error, EOFError) else "broken file"


def _opened(path: Path, stack: contextlib.ExitStack) -> Opened:
  file = stack.enter_context(path.open("rb"))
  if path.suffix == ".gz":
    return stack.enter_context(gzip.open(file))  # type: ignore[arg-type]
  if path.suffix == ".zst":
    return io.BufferedReader(_Zst(file), 2**20)
  return file


class _Zst(io.RawIOBase):
  """The frames of a file one after another; one that is cut is an EOFError, as in gzip.

  The library's own stream ends in silence where a file does, whole or not.
  """

  def __init__(self, file: Any):
    import zstandard

    self._file, self._packer = file, zstandard.ZstdDecompressor()
    self._frame, self._left = self._packer.decompressobj(), b""
    self._begun = False  # the frame

  def readable(self) -> bool:
    return True

  def readinto(self, buffer: Any, /) -> int:
    while not self._left:
      packed = self._frame.unused_data if self._frame.eof else b""
      if self._frame.eof:
        self._frame, self._begun = self._packer.decompressobj(), False
      packed = packed or self._file.read(2**16)
      if not packed:
        if self._begun:
          raise EOFError("the last frame is cut")
        return 0
      self._begun = True
      self._left = self._frame.decompress(packed)
    count = min(len(buffer), len(self._left))
    buffer[:count], self._left = self._left[:count], self._left[count:]
    return count


def _skip(file: Opened) -> int:
  """Reads to the end of the line, a piece at a time."""
  count = 0
  while piece := file.readline(2**20):
    count += len(piece)
    if piece.endswith(b"\n"):
      break
  return count


def _of_line(line: bytes, place: str, reading: Reading) -> Raw | tuple[str, Drop, int]:
  try:
    told = json.loads(line)
  except UnicodeDecodeError:
    return place, Drop("encoding"), len(line)
  except (ValueError, RecursionError):
    return place, Drop("malformed line"), len(line)
  if not isinstance(told, dict):
    return place, Drop("malformed line"), len(line)
  return fields.of_fields(told, place, len(line), reading)
