"""Inputs as parts, and the raw documents of a part.

  src/**            files, sorted, by about 8 MB   --> part 0, part 1, ...
  a.jsonl           by bytes: lines that begin in them
  b.jsonl.gz  .zst  one part each
  c.parquet         by row groups
  tfds:name:1.0.0   by examples of its split

Which document is in which part follows from the inputs alone, not from who reads them.
"""

from collections.abc import Iterator, Sequence
import contextlib
import dataclasses
import gzip
import io
import json
import re
from typing import IO, Any
import zlib

from codegen_jax.data import jsonl
from codegen_jax.errors import InputError
from codegen_jax.prepare import languages, storage
from codegen_jax.prepare.document import Drop, Raw
from codegen_jax.prepare.storage import Path

LINES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".json.gz")
PARQUET = (".parquet",)
TFDS = "tfds:"
_HIDDEN = "."
LANGUAGES_FIELDS = ("lang", "language")
LICENSE_FIELDS = ("max_stars_repo_licenses", "licenses", "license")


@dataclasses.dataclass(frozen=True)
class Reading:
  """What a line or a row is called by those who wrote it, and how much is read at once.

  Attributes:
    text: the fields that may have the text; the first that is there counts.
    part_bytes: about so many bytes make a part, the piece that a worker is given.
    most_bytes: a longer file or line is dropped unread.
  """

  text: tuple[str, ...] = ("content", "text")
  part_bytes: int = 8_000_000
  most_bytes: int = 16_000_000
  tfds_examples: int = 20_000


@dataclasses.dataclass(frozen=True)
class Part:
  """What one worker reads: files, or [start, stop) of one in its own unit."""

  number: int
  kind: str  # "files", "lines", "parquet" or "tfds"
  files: tuple[str, ...]
  names: tuple[str, ...]  # of the files, below what the inputs share
  start: int = 0
  stop: int = 0

  def to_json(self) -> dict[str, Any]:
    return dataclasses.asdict(self)

  @staticmethod
  def from_json(told: dict[str, Any]) -> "Part":
    return Part(**{**told, "files": tuple(told["files"]), "names": tuple(told["names"])})


def plan(inputs: Sequence[str], reading: Reading) -> tuple[list[Part], dict[str, list[int]]]:
  """The parts, and of every file its size and time of change: what a fingerprint is made of."""
  parts: list[Part] = []
  states: dict[str, list[int]] = {}
  for pattern in inputs:
    if pattern.startswith(TFDS):
      parts += _tfds_parts(pattern, len(parts), reading)
      states[pattern] = []
      continue
    root, found = _found(pattern)
    sources: list[tuple[str, str, int]] = []
    for path in found:
      stat = path.stat()
      name = str(path)[len(root) :].lstrip("/") or path.name
      states[str(path)] = [stat.length, int(stat.mtime)]
      if path.name.endswith(LINES):
        parts += _line_parts(str(path), name, stat.length, len(parts), reading)
      elif path.name.endswith(PARQUET):
        parts += _parquet_parts(path, name, len(parts), reading)
      else:
        sources.append((str(path), name, stat.length))
    for group in _groups(sources, reading.part_bytes):
      files, names = zip(*group, strict=True)
      parts.append(Part(len(parts), "files", files, names))
  return parts, states


def _found(pattern: str) -> tuple[str, list[Path]]:
  """Files by a folder or a glob; hidden ones and links to folders are left out."""
  path = Path(pattern).expanduser()
  if "*" not in pattern and "?" not in pattern and "[" not in pattern:
    if path.is_file():
      return str(path.parent), [path]
    if not path.is_dir():
      raise InputError(f"--input is {pattern}, and there is no such file or folder")
    root, glob = path, "**/*"
  else:
    steps = str(path).split("/")
    first = next(i for i, step in enumerate(steps) if any(sign in step for sign in "*?["))
    root, glob = Path("/".join(steps[:first]) or "/"), "/".join(steps[first:])
    if first == 0:
      root = Path()
  matches = _pattern(glob)
  below = storage.files_below(root)
  files = [f for f in below if matches.fullmatch(_below(f, root)) and _is_read(f, root)]
  files.sort(key=str)
  if not files:
    raise InputError(f"--input is {pattern}, and no file matches it; try it with ls, in quotes")
  return str(root) if str(root) != "." else "", files


def _below(file: Path, root: Path) -> str:
  return str(file)[len(str(root)) :].lstrip("/") if str(root) != "." else str(file)


def _pattern(glob: str) -> re.Pattern[str]:
  """`**/` is any number of folders, `*` and `?` stay within one name."""
  signs = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
  steps = re.split(r"(\*\*/|\*\*|\*|\?|\[[^]]+\])", glob)
  return re.compile("".join(signs.get(s, s if s[:1] == "[" else re.escape(s)) for s in steps))


def _is_read(file: Path, root: Path) -> bool:
  if any(step.startswith(_HIDDEN) for step in _below(file, root).split("/")):
    return False
  known = file.name.endswith((*LINES, *PARQUET))
  extension = file.name.rpartition(".")[2].lower() if "." in file.name else ""
  return (known or extension in languages.EXTENSIONS) and file.is_file()


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


def _line_parts(file: str, name: str, size: int, first: int, reading: Reading) -> Iterator[Part]:
  whole = not file.endswith(".jsonl")  # what is packed cannot be entered in its middle
  step = max(size, 1) if whole else reading.part_bytes
  for number, start in enumerate(range(0, max(size, 1), step)):
    stop = 0 if whole else min(start + step, size)
    yield Part(first + number, "lines", (file,), (name,), start, stop)


def _parquet_parts(path: Path, name: str, first: int, reading: Reading) -> Iterator[Part]:
  import pyarrow.parquet as pq

  try:
    with path.open("rb") as file:
      told = pq.ParquetFile(file).metadata
      sizes = [told.row_group(i).total_byte_size for i in range(told.num_row_groups)]
  except (OSError, ValueError) as error:
    raise InputError(f"{path} is not Parquet ({error}); bring it again or take it out") from error
  start = total = 0
  for group, size in enumerate(sizes):
    total += size
    if total >= reading.part_bytes or group == len(sizes) - 1:
      yield Part(first, "parquet", (str(path),), (name,), start, group + 1)
      first, start, total = first + 1, group + 1, 0


def _tfds_parts(pattern: str, first: int, reading: Reading) -> Iterator[Part]:
  builder, split = _tfds(pattern)
  if split not in builder.info.splits:
    raise InputError(f"{pattern} has no split {split!r}; it has {', '.join(builder.info.splits)}")
  count, step = builder.info.splits[split].num_examples, reading.tfds_examples
  for number, start in enumerate(range(0, count, step)):
    stop = min(start + step, count)
    yield Part(first + number, "tfds", (pattern,), (pattern,), start, stop)


def _tfds(pattern: str) -> tuple[Any, str]:
  """tfds:FOLDER or tfds:NAME, and after a # the split: tfds:gs://bucket/name/1.0.0#train"""
  import tensorflow_datasets as tfds

  where, _, split = pattern.removeprefix(TFDS).partition("#")
  try:
    made = tfds.builder_from_directory(where) if "/" in where and Path(where).is_dir() else None
    return made or tfds.builder(where), split or "train"
  except Exception as error:  # tfds raises many kinds
    reason = str(error).strip().splitlines()[0]
    raise InputError(f"--input is {pattern}, and tfds finds none ({reason})") from error


def raws(part: Part, reading: Reading) -> Iterator[Raw | tuple[str, Drop, int]]:
  """The raw documents of a part, and (place, why, bytes) of what is none."""
  match part.kind:
    case "files":
      for file, name in zip(part.files, part.names, strict=True):
        yield _source(Path(file), name, reading)
    case "lines":
      yield from _lines(part, reading)
    case "parquet":
      yield from _parquet(part, reading)
    case "tfds":
      yield from _examples(part, reading)


def _source(path: Path, name: str, reading: Reading) -> Raw | tuple[str, Drop, int]:
  try:
    size = path.stat().length
    if size > reading.most_bytes:
      return name, Drop("too large"), size
    return Raw(name, path.read_bytes())
  except OSError:
    return name, Drop("unreadable file"), 0


def _lines(part: Part, reading: Reading) -> Iterator[Raw | tuple[str, Drop, int]]:
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


def _opened(path: Path, stack: contextlib.ExitStack) -> IO[bytes]:
  file = stack.enter_context(path.open("rb"))
  if path.suffix == ".gz":
    return stack.enter_context(gzip.open(file))  # type: ignore[arg-type]
  if path.suffix == ".zst":
    import zstandard

    return _Whole(zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True))
  return file


class _Whole(io.BufferedReader):
  """Lines of what zstandard gives piece by piece."""

  def __init__(self, raw: Any):
    super().__init__(raw, 2**20)


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
  return _of_fields(told, place, len(line), reading)


def _of_fields(
  told: dict[str, Any], place: str, size: int, reading: Reading
) -> Raw | tuple[str, Drop, int]:
  for field in reading.text:
    if isinstance(told.get(field), str | bytes):
      path = jsonl.path(told) or place
      licenses = next(filter(None, (_listed(told.get(f)) for f in LICENSE_FIELDS)), ())
      language = next((told[f] for f in LANGUAGES_FIELDS if isinstance(told.get(f), str)), "")
      return Raw(path, told[field], licenses, language)
  return place, Drop("no text field"), size


def _listed(value: Any) -> tuple[str, ...]:
  if isinstance(value, str):
    return (value,) if value else ()
  return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _parquet(part: Part, reading: Reading) -> Iterator[Raw | tuple[str, Drop, int]]:
  import pyarrow.parquet as pq

  wanted = {*reading.text, *LANGUAGES_FIELDS, *LICENSE_FIELDS, *jsonl.PATHS, *jsonl.REPOSITORIES}
  try:
    with Path(part.files[0]).open("rb") as opened:
      file = pq.ParquetFile(opened)
      columns = [name for name in file.schema_arrow.names if name in wanted]
      for group in range(part.start, part.stop):
        row = 0
        for batch in file.iter_batches(256, row_groups=[group], columns=columns):
          for told in batch.to_pylist():
            yield _of_fields(told, f"{part.names[0]}@{group}:{row}", 0, reading)
            row += 1
  except (OSError, ValueError):
    yield part.names[0], Drop("broken file"), 0


def _examples(part: Part, reading: Reading) -> Iterator[Raw | tuple[str, Drop, int]]:
  import tensorflow_datasets as tfds

  builder, split = _tfds(part.files[0])
  cut = f"{split}[{part.start}:{part.stop}]"
  if builder.info.file_format and builder.info.file_format.value == "array_record":
    rows = builder.as_data_source(cut)  # as_dataset reads no ArrayRecord
  else:
    rows = tfds.as_numpy(builder.as_dataset(cut, shuffle_files=False))
  for number, told in enumerate(rows):
    text = {k: v.decode("utf-8", "replace") if k not in reading.text and isinstance(v, bytes) else v
            for k, v in told.items()}  # fmt: skip
    yield _of_fields(text, f"{part.names[0]}@{part.start + number}", 0, reading)


def size(raw: Raw) -> int:
  return (
    len(raw.content)
    if isinstance(raw.content, bytes)
    else len(raw.content.encode("utf-8", "replace"))
  )
