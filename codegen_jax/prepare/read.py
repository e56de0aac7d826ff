"""Inputs as parts, and the raw documents of a part.

  src/**            files, sorted, by about 8 MB   --> part 0, part 1, ...
  a.jsonl           by bytes: lines that begin in them
  b.jsonl.gz  .zst  one part each
  c.parquet         by row groups
  tfds:name:1.0.0   by examples of its split

Which document is in which part follows from the inputs alone, not from who reads them.
"""

from collections.abc import Iterator, Sequence
import hashlib
import json

from codegen_jax.prepare import find, read_lines, read_parquet, read_tfds
from codegen_jax.prepare.document import Drop, Raw
from codegen_jax.prepare.reading import Part, Reading
from codegen_jax.prepare.storage import Path


def plan(inputs: Sequence[str], reading: Reading) -> tuple[list[Part], str]:
  """The parts, and a hash of the names, sizes and times of change of all files."""
  parts: list[Part] = []
  states = hashlib.sha256()
  for pattern in inputs:
    if pattern.startswith(read_tfds.TFDS):
      parts += read_tfds.parts(pattern, len(parts), reading)
      states.update(json.dumps(pattern).encode())
      continue
    root, found = find.found(pattern)
    sources: list[tuple[str, str, int]] = []
    for file in found:
      stat = Path(file).stat()
      name = file[len(root) :].lstrip("/") or file
      states.update(json.dumps([file, stat.length, int(stat.mtime)]).encode())
      if name.endswith(find.LINES):
        parts += read_lines.parts(file, name, stat.length, len(parts), reading)
      elif name.endswith(find.PARQUET):
        parts += read_parquet.parts(Path(file), name, len(parts), reading)
      else:
        sources.append((file, name, stat.length))
    for group in _groups(sources, reading.part_bytes):
      files, names = zip(*group, strict=True)
      parts.append(Part(len(parts), "files", files, names))
  return parts, states.hexdigest()


def _groups(sources: Sequence[tuple[str, str, int]], size: int) -> Iterator[list[tuple[str, str]]]:
  group: list[tuple[str, str]] = []
  total = 0
  for file, name, length in sources:
    group.append((file, name))
    total += length
    if total >= size:
      yield group
      group, total = [], 0
  if group:
    yield group


def raws(part: Part, reading: Reading) -> Iterator[Raw | tuple[str, Drop, int]]:
  """The raw documents of a part, and (place, why, bytes) of what is none."""
  match part.kind:
    case "files":
      for file, name in zip(part.files, part.names, strict=True):
        yield _source(Path(file), name, reading)
    case "lines":
      yield from read_lines.raws(part, reading)
    case "parquet":
      yield from read_parquet.raws(part, reading)
    case "tfds":
      yield from read_tfds.raws(part, reading)


def _source(path: Path, name: str, reading: Reading) -> Raw | tuple[str, Drop, int]:
  try:
    size = path.stat().length
    if size > reading.most_bytes:
      return name, Drop("too large"), size
    return Raw(name, path.read_bytes())
  except OSError:
    return name, Drop("unreadable file"), 0


def size(raw: Raw) -> int:
  return (
    len(raw.content)
    if isinstance(raw.content, bytes)
    else len(raw.content.encode("utf-8", "replace"))
  )
