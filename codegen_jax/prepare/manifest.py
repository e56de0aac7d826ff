"""What a prepared folder says of itself, written when it is whole; and what decides its bytes."""

from collections.abc import Mapping
import hashlib
import json
from typing import Any

from codegen_jax.prepare import storage
from codegen_jax.prepare.storage import Path

FORMAT = 1  # raise it when the same settings would make other shards
FILE = "manifest.json"


def fingerprint(*told: Any) -> str:
  """Of all that decides a stage."""
  return hashlib.sha256(json.dumps([FORMAT, *told], sort_keys=True).encode()).hexdigest()


def read(folder: Path) -> dict[str, Any] | None:
  path = folder / FILE
  return storage.read_json(path) if path.exists() else None


def write(folder: Path, told: Mapping[str, Any]) -> None:
  storage.write_json(folder / FILE, {"format": FORMAT, **told})


def write_tfds(folder: Path, name: str, shards: Mapping[str, list[dict[str, Any]]]) -> None:
  """dataset_info.json and features.json, by which tfds.builder_from_directory reads the folder."""
  import numpy as np
  import tensorflow_datasets as tfds

  features = tfds.features.FeaturesDict(
    {
      "id": tfds.features.Text(),
      "path": tfds.features.Text(),
      "language": tfds.features.Text(),
      "tokens": tfds.features.Tensor(shape=(None,), dtype=np.int64),
    }
  )
  template = tfds.core.ShardedFileTemplate(
    data_dir=str(folder), dataset_name=name, filetype_suffix="array_record",
    template="{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
  )  # fmt: skip
  splits = [
    tfds.core.SplitInfo(
      name=split,
      shard_lengths=[shard["documents"] for shard in told],
      num_bytes=sum(shard["payload_bytes"] for shard in told),
      filename_template=template,
    )
    for split, told in shards.items()
  ]
  tfds.folder_dataset.write_metadata(
    data_dir=str(folder), features=features, split_infos=splits, filename_template=template,
    check_data=False,  # by as_dataset, which reads no ArrayRecord
  )  # fmt: skip
