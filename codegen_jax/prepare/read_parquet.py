"""Parquet, by row groups."""

from collections.abc import Iterator

from codegen_jax.errors import InputError
from codegen_jax.prepare import fields
from codegen_jax.prepare.document import Drop, Raw
from codegen_jax.prepare.reading import Part, Reading
from codegen_jax.prepare.storage import Path


def parts(path: Path, name: str, first: int, reading: Reading) -> Iterator[Part]:
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


def raws(part: Part, reading: Reading) -> Iterator[Raw | tuple[str, Drop, int]]:
  import pyarrow.parquet as pq

  wanted = fields.names(reading)
  try:
    with Path(part.files[0]).open("rb") as opened:
      file = pq.ParquetFile(opened)
      columns = [name for name in file.schema_arrow.names if name in wanted]
      for group in range(part.start, part.stop):
        row = 0
        for batch in file.iter_batches(256, row_groups=[group], columns=columns):
          for told in batch.to_pylist():
            yield fields.raw(told, f"{part.names[0]}@{group}:{row}", 0, reading)
            row += 1
  except (OSError, ValueError):
    yield part.names[0], Drop("broken file"), 0
