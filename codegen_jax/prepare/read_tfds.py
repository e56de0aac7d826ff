"""Data sets of tfds, by the examples of a split."""

from collections.abc import Iterator
from typing import Any

from codegen_jax.errors import InputError
from codegen_jax.prepare import fields
from codegen_jax.prepare.document import Drop, Raw
from codegen_jax.prepare.reading import Part, Reading
from codegen_jax.prepare.storage import Path

TFDS = "tfds:"


def parts(pattern: str, first: int, reading: Reading) -> Iterator[Part]:
  builder, split = _builder(pattern)
  if split not in builder.info.splits:
    raise InputError(f"{pattern} has no split {split!r}; it has {', '.join(builder.info.splits)}")
  count, step = builder.info.splits[split].num_examples, reading.tfds_examples
  for number, start in enumerate(range(0, count, step)):
    stop = min(start + step, count)
    yield Part(first + number, "tfds", (pattern,), (pattern,), start, stop)


def _builder(pattern: str) -> tuple[Any, str]:
  """tfds:FOLDER or tfds:NAME, and after a # the split: tfds:gs://bucket/name/1.0.0#train"""
  import tensorflow_datasets as tfds

  where, _, split = pattern.removeprefix(TFDS).partition("#")
  try:
    made = tfds.builder_from_directory(where) if "/" in where and Path(where).is_dir() else None
    return made or tfds.builder(where), split or "train"
  except Exception as error:  # tfds raises kinds of its own, and what its readers raise
    reason = str(error).strip().splitlines()[0]
    raise InputError(f"--input is {pattern}, and tfds finds none ({reason})") from error


def raws(part: Part, reading: Reading) -> Iterator[Raw | tuple[str, Drop, int]]:
  import tensorflow_datasets as tfds

  builder, split = _builder(part.files[0])
  cut = f"{split}[{part.start}:{part.stop}]"
  if builder.info.file_format and builder.info.file_format.value == "array_record":
    rows = builder.as_data_source(cut)  # as_dataset reads no ArrayRecord
  else:
    rows = tfds.as_numpy(builder.as_dataset(cut, shuffle_files=False))
  for number, told in enumerate(rows):
    text = {k: v.decode("utf-8", "replace") if k not in reading.text and isinstance(v, bytes) else v
            for k, v in told.items()}  # fmt: skip
    yield fields.raw(text, f"{part.names[0]}@{part.start + number}", 0, reading)
