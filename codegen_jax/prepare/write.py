"""The global shuffle, and shards that appear whole or not at all.

  key of a document = hash of (seed, its text)      shard = key's share of all keys

  part 0   [for shard 0: a c] [for shard 1: b]       shard 0   a d c
  part 1   [for shard 0: d]   [for shard 1: e f]     shard 1   e b f

Neither parts nor workers decide where a document goes.  A part's file is read by ranges, so the
tokens never pass through the memory of a runner, and a shard's are never in memory all at once.
"""

from collections.abc import Iterable, Iterator, Sequence
import dataclasses
import hashlib
import itertools
import math
from typing import Any

import numpy as np

from codegen_jax.data import corpus
from codegen_jax.errors import InputError
from codegen_jax.prepare import storage
from codegen_jax.prepare.storage import Path

RECORD = np.dtype([("key", "<u8"), ("size", "<u8"), ("tokens", "<u8")])
SPLITS = corpus.SPLITS
_AT_ONCE = 16_000_000  # bytes of a shard that are in memory


@dataclasses.dataclass(frozen=True)
class Writing:
  """How the shards are made.

  Attributes:
    seed: of the order of documents.
    shard_bytes: of text in a shard, about.
    held_out_every: about so many documents for one of validation, by a hash of their names.
    group_size: records that ArrayRecord packs and reads together.
    fast_tokenizer: whether tiktoken encodes where it gives the same ids.
  """

  seed: int = 42
  shard_bytes: int = 256_000_000
  held_out_every: int = 200
  group_size: int = 16
  fast_tokenizer: bool = True

  def __post_init__(self):
    if min(self.shard_bytes, self.group_size) < 1 or self.held_out_every < 2:
      raise InputError(
        f"Writing has shard_bytes {self.shard_bytes}, group_size {self.group_size} and"
        f" held_out_every {self.held_out_every}; they are 1 or more, the last 2 or more"
      )

  def shards(self, text_bytes: int) -> dict[str, int]:
    """How many each split has: a matter of how much text there is."""
    train = max(1, math.ceil(text_bytes / self.shard_bytes))
    return {"train": train, "validation": max(1, math.ceil(train / self.held_out_every))}

  def key(self, digest: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"%d " % self.seed + digest).digest()[:8], "big")

  def split(self, name: str) -> str:
    return SPLITS[corpus.is_held_out(name, every=self.held_out_every)]


def shard_of(split: str, key: int, counts: dict[str, int]) -> int:
  """Shards of all splits, counted through."""
  first = 0 if split == SPLITS[0] else counts[SPLITS[0]]
  return first + (key * counts[split] >> 64)


def write_part(path: Path, records: Sequence[tuple[int, int, bytes, int]], shards: int) -> None:
  """Records as (shard, key, payload, tokens): by shard and key, behind a table of places."""
  order = sorted(range(len(records)), key=lambda i: records[i][:2])
  with storage.writing(path) as draft, draft.open("wb") as file:
    offsets = np.zeros(shards + 1, np.uint64)
    file.write(offsets.tobytes())
    at = 0
    for shard in range(shards):
      offsets[shard] = file.tell()
      begun = at
      while at < len(order) and records[order[at]][0] == shard:
        at += 1
      here = [records[i] for i in order[begun:at]]
      index = np.array([(key, len(data), tokens) for _, key, data, tokens in here], RECORD)
      file.write(np.uint64(len(here)).tobytes() + index.tobytes())
      file.writelines(data for _, _, data, _ in here)
    offsets[shards] = file.tell()
    file.seek(0)
    file.write(offsets.tobytes())


@dataclasses.dataclass(frozen=True)
class _Range:
  """What a part has for a shard, by key."""

  path: Path
  index: np.ndarray
  begins: int  # where the first payload does

  @classmethod
  def of(cls, path: Path, shard: int) -> "_Range":
    with path.open("rb") as file:
      file.seek(8 * shard)
      (start,) = np.frombuffer(file.read(8), np.uint64).tolist()
      file.seek(start)
      (count,) = np.frombuffer(file.read(8), np.uint64).tolist()
      index = np.frombuffer(file.read(count * RECORD.itemsize), RECORD)
      return cls(path, index, file.tell())

  def payloads(self, rows: slice) -> list[bytes]:
    ends = np.concatenate([[0], np.cumsum(self.index["size"], dtype=np.int64)])
    first = ends[rows.start]
    with self.path.open("rb") as file:
      file.seek(self.begins + int(first))
      data = file.read(int(ends[rows.stop] - first))
    cuts = (ends[rows.start : rows.stop + 1] - first).tolist()
    return [data[start:stop] for start, stop in itertools.pairwise(cuts)]


def _in_order(ranges: Sequence[_Range], index: np.ndarray) -> Iterator[bytes]:
  """Payloads by key; those of equal keys (copies, where these are kept) in the order of parts."""
  index = index[np.argsort(index["key"], kind="stable")]
  number = np.cumsum(index["size"], dtype=np.int64) // _AT_ONCE
  bounds = index["key"][np.flatnonzero(np.diff(number)) + 1]
  # Of each part, where it is cut: the same keys are in the same piece of all.
  cuts = [
    [0, *np.searchsorted(part.index["key"], bounds).tolist(), len(part.index)] for part in ranges
  ]
  for piece in range(len(bounds) + 1):
    rows = [slice(*cut[piece : piece + 2]) for cut in cuts]
    here = [(part, of) for part, of in zip(ranges, rows, strict=True) if of.start < of.stop]
    keys = np.concatenate([np.zeros(0, np.uint64), *(part.index["key"][of] for part, of in here)])
    data = [payload for part, of in here for payload in part.payloads(of)]
    for place in np.argsort(keys, kind="stable").tolist():
      yield data[place]


def write_shard(out: Path, parts: Iterable[Path], shard: int, group_size: int) -> dict[str, Any]:
  """One file of ArrayRecord; says what it holds, with its hash."""
  from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter

  ranges = [_Range.of(part, shard) for part in parts]
  index = np.concatenate([np.zeros(0, RECORD), *(part.index for part in ranges)])
  with storage.writing(out) as draft:
    try:
      writer = ArrayRecordWriter(str(draft), f"group_size:{group_size}")
      for payload in _in_order(ranges, index):
        writer.write(payload)
      writer.close()
      reader = ArrayRecordReader(str(draft))
      if reader.num_records() != len(index):
        raise ValueError(f"{reader.num_records()} of {len(index)} records can be read again")
      reader.close()
    except (RuntimeError, ValueError, IndexError) as error:
      raise InputError(
        f"{out} cannot be written whole ({error}); is there room? The same command continues"
      ) from error
    size = draft.stat().st_size
    with draft.open("rb") as file:
      digest = hashlib.file_digest(file, "sha256").hexdigest()
  return {
    "file": out.name,
    "documents": len(index),
    "tokens": int(index["tokens"].sum()),
    "payload_bytes": int(index["size"].sum()),
    "bytes": size,
    "sha256": digest,
  }
