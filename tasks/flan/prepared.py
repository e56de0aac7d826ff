"""Data sets that TFDS has prepared on this machine; nothing is downloaded."""

from collections.abc import Iterator, Mapping
import os
import pathlib
from typing import Any

import numpy as np

from codegen_jax.errors import InputError


def folder() -> pathlib.Path:
  """Where TFDS keeps what it prepared: $TFDS_DATA_DIR, or its own default."""
  return pathlib.Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()


def is_here(name: str) -> bool:
  return bool(name) and any((folder() / name).glob("**/dataset_info.json"))


def fingerprint(name: str) -> str:
  """What TFDS says of its version and sizes."""
  info = _builder(name).info
  splits = {split: info.splits[split].num_examples for split in sorted(info.splits)}
  return f"{info.full_name} {info.dataset_size} {splits}"


def rows(name: str, split: str, most: int | None = None) -> Iterator[Mapping[str, Any]]:
  """The first rows of a split, as JSON would have them; labels by their names."""
  import tensorflow_datasets as tfds

  builder = _builder(name)
  if split not in builder.info.splits:
    raise InputError(
      f"{name} has no split {split!r}; it has {', '.join(builder.info.splits)}: prepare all of it"
    )
  cut = split if most is None else f"{split}[:{most}]"
  for row in tfds.as_numpy(builder.as_dataset(split=cut)):
    yield plain(row, builder.info.features)


def plain(value: Any, feature: Any) -> Any:
  """Bytes become text, arrays lists, and labels their names; -1 is "-1"."""
  if isinstance(value, dict):
    inner = getattr(feature, "feature", feature)  # of a sequence of dicts, a dict of sequences
    return {name: plain(of, inner[name]) for name, of in value.items()}
  if isinstance(value, np.ndarray) and value.ndim:
    inner = getattr(feature, "feature", feature)
    return [plain(one, inner) for one in value]
  if isinstance(value, bytes):
    return value.decode("utf-8", "replace")
  names = getattr(getattr(feature, "feature", feature), "names", None)
  if names and int(value) >= 0:
    return names[int(value)]
  return value.item() if hasattr(value, "item") else value


def _builder(name: str) -> Any:
  import tensorflow_datasets as tfds

  try:
    return tfds.builder(name, data_dir=folder())
  # TFDS documents no errors of a folder that it cannot open: AssertionError and its own were seen.
  except Exception as error:
    raise InputError(f"TFDS cannot open {name} in {folder()} ({error}); prepare it anew") from error
