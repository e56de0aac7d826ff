"""What `codegen-jax prepare` made: its documents as tokens, for a store, for seqio or for oneself.

Prepared("data/the_stack").documents("train")   ("repo/a.py", [31, 7, ...]), ...
Prepared("data/the_stack").source()             a seqio source: id, path, language, tokens
"""

from collections.abc import Iterator
import dataclasses
import functools
import json
import os
import pathlib
from typing import Any

import numpy as np

from codegen_jax.errors import InputError

MANIFEST = "manifest.json"
SPLITS = ("train", "validation")


@dataclasses.dataclass(frozen=True)
class Prepared:
  """A folder that is whole: one without a manifest is refused."""

  folder: str | os.PathLike[str]

  @staticmethod
  def is_one(folder: str | os.PathLike[str]) -> bool:
    return (pathlib.Path(folder).expanduser() / MANIFEST).is_file()

  @functools.cached_property
  def manifest(self) -> dict[str, Any]:
    path = pathlib.Path(self.folder).expanduser() / MANIFEST
    try:
      told = json.loads(path.read_text("utf-8"))
      told["fingerprint"], told["tokenizer"], told["shards"]
    except (OSError, ValueError, KeyError, TypeError) as error:
      raise InputError(
        f"{self.folder} is no folder that `codegen-jax prepare` has finished ({error}); start the"
        " same command again"
      ) from error
    return told

  @property
  def fingerprint(self) -> str:
    return self.manifest["fingerprint"]

  def record(self) -> dict[str, Any]:
    """What a result says of it."""
    told = self.manifest
    counts = {
      split: sum(s["documents"] for s in shards) for split, shards in told["shards"].items()
    }
    return {
      "fingerprint": told["fingerprint"],
      "version": f"{told['documents']} documents, {told['bytes'] / 1e9:.3f} GB, prepared",
      "description": f"{told['name']}, prepared: filtered, deduplicated and shuffled",
      "files": sum(counts.values()),
      "bytes": told["bytes"],
      "held_out_files": counts.get("validation", 0),
    }

  def check_tokenizer(self, fingerprint: str) -> None:
    if fingerprint != self.manifest["tokenizer"]:
      raise InputError(
        f"{self.folder} was prepared with another tokenizer ({self.manifest['tokenizer'][:16]}, and"
        f" the task's is {fingerprint[:16]}); name that one, or prepare it again"
      )

  def documents(self, split: str) -> Iterator[tuple[str, np.ndarray]]:
    """Paths and tokens, without <|endoftext|>, in the order of the shuffle."""
    for told in self._rows(split):
      yield told["path"].decode(), told["tokens"]

  def _rows(self, split: str) -> Iterator[dict[str, Any]]:
    import tensorflow_datasets as tfds

    if split not in self.manifest["shards"]:
      raise InputError(f"{self.folder} has no split {split!r}; its splits are {', '.join(SPLITS)}")
    folder = pathlib.Path(self.folder).expanduser()
    for shard in self.manifest["shards"][split]:
      path = folder / shard["file"]
      if not path.is_file() or path.stat().st_size != shard["bytes"]:
        raise InputError(f"{path} is not what was written; prepare the folder again")
    yield from tfds.builder_from_directory(folder).as_data_source(split)

  def source(self) -> Any:
    """seqio's, for a Task of one's own: `seqio.Task(name, source=..., preprocessors=...)`."""
    import seqio
    import tensorflow as tf

    signature = {
      "id": tf.TensorSpec([], tf.string),
      "path": tf.TensorSpec([], tf.string),
      "language": tf.TensorSpec([], tf.string),
      "tokens": tf.TensorSpec([None], tf.int64),
    }

    def dataset(split: str, shuffle_files: bool, seed: int | None = None) -> Any:
      rows = functools.partial(self._rows, split)
      return tf.data.Dataset.from_generator(rows, output_signature=signature)

    return seqio.FunctionDataSource(dataset, splits=SPLITS)
