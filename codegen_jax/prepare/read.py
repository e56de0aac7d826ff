"""Inputs as parts, and the raw documents of a part.

  src/**            files, sorted, by about 8 MB   --> part 0, part 1, ...
  a.jsonl           by bytes: lines that begin in them
  b.jsonl.gz  .zst  one part each
  c.parquet         by row groups
  tfds:name:1.0.0   by examples of its split

Which document is in which part follows from the inputs alone, not from who reads them.
"""

from collections.abc import Iterator, Sequence

from codegen_jax.prepare import find, read_lines, read_parquet, read_tfds
from codegen_jax.prepare.document import Drop, Raw
from codegen_jax.prepare.reading import Part, Reading
from codegen_jax.prepare.storage import Path


def plan(inputs: Sequence[str], reading: Reading) -> tuple[list[Part], dict[str, list[int]]]:
  """The parts, and of every file its size and time of change: what a fingerprint is made of."""
  parts: list[Part] = []
  states: dict[str, list[int]] = {}
  for pattern in inputs:
    if pattern.startswith(read_tfds.TFDS):
      parts += read_tfds.parts(pattern, len(parts), reading)
      states[pattern] = []
      continue
    root, found = find.found(pattern)
    sources: list[tuple[str, str, int]] = []
    for path in found:
      stat = path.stat()
      name = str(path)[len(root) :].lstrip("/") or path.name
      states[str(path)] = [stat.length, int(stat.mtime)]
      if path.name.endswith(find.LINES):
        parts += read_lines.parts(str(path), name, stat.length, len(parts), reading)
      elif path.name.endswith(find.PARQUET):
        parts += read_parquet.parts(path, name, len(parts), reading)
      else:
        sources.append((str(path), name, stat.length))
    for group in _groups(sources, reading.part_bytes):
      files, names = zip(*group, strict=True)
      parts.append(Part(len(parts), "files", files, names))
  return parts, states


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
