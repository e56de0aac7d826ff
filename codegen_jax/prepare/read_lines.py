"""JSONL, as it is or packed by gzip or zstandard: its parts, and the documents of one.

a.jsonl       by bytes: a line belongs to the part that it begins in
a.jsonl.gz    one part: what is packed cannot be entered in its middle
"""

from collections.abc import Iterator
import contextlib
import gzip
import io
import json
from typing import IO
import zlib

from codegen_jax.prepare import fields
from codegen_jax.prepare.document import Drop, Raw
from codegen_jax.prepare.reading import Part, Reading
from codegen_jax.prepare.storage import Path


def parts(file: str, name: str, size: int, first: int, reading: Reading) -> Iterator[Part]:
  whole = not file.endswith(".jsonl")
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


def _broken(error: Exception) -> str:
  cut = isinstance(error, EOFError) or "Truncated" in str(error)  # gzip's, or Arrow's
  return "truncated file" if cut else "broken file"


def _opened(path: Path, stack: contextlib.ExitStack) -> IO[bytes]:
  file = stack.enter_context(path.open("rb"))
  if path.suffix == ".gz":
    # gzip asks for a protocol by type; it reads and seeks, which any file of epath can.
    return stack.enter_context(gzip.open(file))  # type: ignore[arg-type]
  if path.suffix == ".zst":
    import pyarrow as pa

    # The package zstandard takes a file that was cut for one that ends.
    unpacked = pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd")
    return stack.enter_context(io.BufferedReader(unpacked, 2**20))
  return file


def _skip(file: IO[bytes]) -> int:
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
  return fields.raw(told, place, len(line), reading)
