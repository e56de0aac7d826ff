"""A shard from its ranges of many parts, a piece at a time."""

import array_record.python.array_record_module as array_record
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from codegen_jax.prepare import storage, write

RECORDS = st.lists(
  st.tuples(
    st.integers(0, 2), st.integers(0, 9) | st.integers(0, 2**64 - 1), st.binary(max_size=9)
  ),
  max_size=12,
)


def made(folder, parts) -> list[list[bytes]]:
  """What stands in each of three shards."""
  paths = [storage.Path(folder) / f"{i}.bin" for i in range(len(parts))]
  for path, records in zip(paths, parts, strict=True):
    write.write_part(path, [(*record, 1) for record in records], 3)
  read = []
  for shard in range(3):
    out = storage.Path(folder) / f"{shard}.array_record"
    told = write.write_shard(out, paths, shard, 1)
    reader = array_record.ArrayRecordReader(str(out))
    read.append(reader.read_all() if told["documents"] else [])
    assert told["documents"] == told["tokens"] == len(read[-1]) == reader.num_records()
    assert told["payload_bytes"] == sum(map(len, read[-1]))
  return read


@settings(max_examples=40, deadline=None)
@given(parts=st.lists(RECORDS, max_size=4), at_once=st.sampled_from([1, 7, 20, 1000]))
def test_records_stand_by_key_and_those_of_one_key_by_part(parts, at_once, tmp_path_factory):
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(write, "_AT_ONCE", at_once)
    read = made(tmp_path_factory.mktemp("shards"), parts)
  together = [record for part in parts for record in part]
  for shard in range(3):
    expected = sorted((r for r in together if r[0] == shard), key=lambda record: record[1])
    assert read[shard] == [payload for _, _, payload in expected]


def test_no_more_than_a_piece_is_read_at_once(tmp_path, monkeypatch):
  monkeypatch.setattr(write, "_AT_ONCE", 100)
  sizes = []
  read = write._Range.payloads

  def noted(self, rows):
    found = read(self, rows)
    sizes.append(sum(map(len, found)))
    return found

  monkeypatch.setattr(write._Range, "payloads", noted)
  made(tmp_path, [[(0, key, b"x" * 10) for key in range(90)]])
  assert sum(sizes) == 900 and max(sizes) <= 110
