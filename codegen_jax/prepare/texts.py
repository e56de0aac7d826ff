"""The documents of a part on disk, while they wait for the next stage: Arrow, packed by LZ4."""

from collections.abc import Iterator
import contextlib

import pyarrow as pa

from codegen_jax.prepare import storage
from codegen_jax.prepare.document import Document
from codegen_jax.prepare.storage import Path

_SCHEMA = pa.schema([(name, pa.string()) for name in ("name", "language", "text")])


@contextlib.contextmanager
def writer(path: Path) -> Iterator[pa.RecordBatchStreamWriter]:
  options = pa.ipc.IpcWriteOptions(compression="lz4")
  with (
    storage.writing(path) as draft,
    pa.OSFile(str(draft), "wb") as sink,
    pa.ipc.new_stream(sink, _SCHEMA, options=options) as stream,
  ):
    yield stream


def write(stream: pa.RecordBatchStreamWriter, documents: list[Document]) -> None:
  columns = [_column([getattr(d, name) for d in documents]) for name in _SCHEMA.names]
  stream.write_batch(pa.RecordBatch.from_arrays(columns, schema=_SCHEMA))


def _column(values: list[str]) -> pa.Array:
  # pa.array imports pandas, which costs every worker half a second.
  builder = pa.lib.StringBuilder()
  builder.append_values(values)
  return builder.finish()


def read(path: Path) -> Iterator[Document]:
  """In the order that they were written in; their places count from 0."""
  with path.open("rb") as file, pa.ipc.open_stream(file) as stream:
    for batch in stream:
      columns = (column.to_pylist() for column in batch.columns)
      for name, language, text in zip(*columns, strict=True):
        yield Document(name, text, language)
