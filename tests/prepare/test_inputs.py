"""What is read of every format; what is broken is counted with a reason."""

import gzip
import json
import tracemalloc

import numpy as np
import pytest

from codegen_jax.errors import InputError
from codegen_jax.prepare import read
from codegen_jax.prepare.document import Drop, Raw
from codegen_jax.prepare.reading import Reading

pa = pytest.importorskip("pyarrow")
zstandard = pytest.importorskip("zstandard")

ROWS = [{"content": f"x = {i}\n", "path": f"r/{i}.py", "license": "MIT"} for i in range(50)]
LINES = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
TEXTS = [row["content"] for row in ROWS]


def everything(folder, reading: Reading) -> list[Raw | tuple[str, Drop, int]]:
  return [raw for part in read.plan([str(folder)], reading)[0] for raw in read.raws(part, reading)]


def texts(folder, reading: Reading | None = None) -> list[bytes | str]:
  read = everything(folder, reading or Reading())
  return [raw.content for raw in read if isinstance(raw, Raw)]


def reasons(folder, reading: Reading | None = None) -> list[str]:
  read = everything(folder, reading or Reading())
  return [raw[1].reason for raw in read if isinstance(raw, tuple)]


@pytest.mark.parametrize("part_bytes", [1, 7, 100, 1000, 10**6])
def test_a_line_is_read_once_wherever_the_parts_are_cut(tmp_path, part_bytes):
  (tmp_path / "a.jsonl").write_bytes(LINES)
  assert texts(tmp_path, Reading(part_bytes=part_bytes)) == TEXTS


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_what_is_packed_is_read_and_a_cut_is_counted(tmp_path, ending):
  noise = np.random.default_rng(0).bytes(30_000).hex()  # which no packer makes small
  long = LINES + json.dumps({"content": noise}).encode()
  packed = gzip.compress(long) if ending == "gz" else zstandard.ZstdCompressor().compress(long)
  file = tmp_path / f"a.jsonl.{ending}"
  file.write_bytes(packed)
  assert texts(tmp_path) == [*TEXTS, noise]
  assert not reasons(tmp_path)
  file.write_bytes(packed[:-200])
  assert texts(tmp_path) == TEXTS[: len(texts(tmp_path))]
  assert "truncated file" in reasons(tmp_path)
  file.write_bytes(b"something else altogether")
  assert (texts(tmp_path), reasons(tmp_path)) == ([], ["broken file"])


def test_two_frames_of_zstandard_are_one_file(tmp_path):
  halves = LINES[:700], LINES[700:]
  packed = b"".join(zstandard.ZstdCompressor().compress(half) for half in halves)
  (tmp_path / "a.jsonl.zst").write_bytes(packed)
  assert texts(tmp_path) == TEXTS


@pytest.mark.parametrize("part_bytes", [1, 10**6])
def test_parquet_is_read_with_its_fields(tmp_path, part_bytes):
  import pyarrow.parquet as pq

  table = pa.Table.from_pylist([{**row, "lang": "Python", "stars": 1} for row in ROWS])
  pq.write_table(table, tmp_path / "a.parquet", row_group_size=20)
  got = everything(tmp_path, Reading(part_bytes=part_bytes))
  assert got == [Raw(row["path"], row["content"], ("MIT",), "Python") for row in ROWS]


def test_a_column_without_text_is_counted_row_by_row(tmp_path):
  import pyarrow.parquet as pq

  rows = [{"content": None if i % 2 else "a", "path": f"{i}"} for i in range(6)]
  pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
  assert texts(tmp_path) == ["a"] * 3
  assert reasons(tmp_path) == ["no text field"] * 3


def test_what_is_no_parquet_is_refused(tmp_path):
  (tmp_path / "a.parquet").write_bytes(b"PAR1 but no more")
  with pytest.raises(InputError, match="is not Parquet"):
    everything(tmp_path, Reading())


@pytest.mark.parametrize("file_format", ["tfrecord", "array_record"])
def test_a_data_set_of_tfds_is_read(tmp_path, file_format):
  import tensorflow_datasets as tfds

  class Toy(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
      told = {name: tfds.features.Text() for name in ("content", "path", "license")}
      return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(told))

    def _split_generators(self, _):
      return {"train": self._generate_examples()}

    def _generate_examples(self):
      yield from enumerate(ROWS)

  builder = Toy(data_dir=str(tmp_path), file_format=file_format)
  builder.download_and_prepare()
  pattern = f"tfds:{builder.data_dir}"
  got = everything(pattern, Reading(tfds_examples=7))
  assert sorted(raw.content.decode() for raw in got) == sorted(TEXTS)
  assert {raw.name for raw in got} == {row["path"] for row in ROWS}
  assert {raw.licenses for raw in got} == {("MIT",)}
  with pytest.raises(InputError, match="no split 'test'"):
    everything(f"{pattern}#test", Reading())
  with pytest.raises(InputError, match="tfds finds none"):
    everything("tfds:no_such_data_set_of_ours", Reading())


def test_lines_that_are_no_documents_are_counted_and_the_others_read(tmp_path):
  bad = [
    b'{"content": "cut',
    b"[1, 2]",
    b"null",
    b'{"text": 3}',
    b'{"other": "a"}',
    b"\xff\xfe\x01",
  ]
  good = LINES.splitlines()
  mixed = [line for pair in zip(good, bad, strict=False) for line in pair]
  (tmp_path / "a.jsonl").write_bytes(b"\n".join(mixed))
  assert texts(tmp_path) == TEXTS[: len(bad)]
  assert reasons(tmp_path) == [
    "malformed line", "malformed line", "malformed line", "no text field", "no text field",
    "encoding",
  ]  # fmt: skip


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_a_line_of_a_hundred_megabytes_is_passed_over_in_little_memory(tmp_path, name):
  opened = gzip.open if name.endswith("gz") else open
  with opened(tmp_path / name, "wb") as file:
    file.write(LINES[:500].rpartition(b"\n")[0] + b"\n")
    for _ in range(100):
      file.write(b"x" * 10**6)
    file.write(b"\n" + LINES)
  reading = Reading(part_bytes=30_000_000, most_bytes=2_000_000)
  before = len(LINES[:500].splitlines()) - 1
  tracemalloc.start()
  got = everything(tmp_path, reading)
  _, peak = tracemalloc.get_traced_memory()
  tracemalloc.stop()
  assert [raw.content for raw in got if isinstance(raw, Raw)] == TEXTS[:before] + TEXTS
  dropped = [raw for raw in got if isinstance(raw, tuple)]
  assert [(why.reason, size) for _, why, size in dropped] == [("too large", 100 * 10**6 + 1)]
  assert peak < 12_000_000


def test_a_file_too_large_is_not_opened_and_one_that_went_is_counted(tmp_path):
  (tmp_path / "large.py").write_bytes(b"x" * 1000)
  (tmp_path / "there.py").write_bytes(b"y = 1\n")
  (tmp_path / "went.py").write_bytes(b"z = 1\n")
  reading = Reading(most_bytes=999)
  (part,), _ = read.plan([str(tmp_path)], reading)
  (tmp_path / "went.py").unlink()
  got = list(read.raws(part, reading))
  assert got == [
    ("large.py", Drop("too large"), 1000), Raw("there.py", b"y = 1\n"),
    ("went.py", Drop("unreadable file"), 0),
  ]  # fmt: skip


def test_globs_choose_files_hidden_ones_stay_out_and_nothing_is_told(tmp_path):
  for name in ("a.py", "b/c.py", "b/d/e.js", ".git/x.py", "b/.hidden.py", "pic.png"):
    (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
    (tmp_path / name).write_bytes(name.encode())
  got = {
    glob: [name.decode() for name in texts(f"{tmp_path}{glob}")]
    for glob in ("", "/**/*.py", "/*.py", "/b/*.[jp]?", "/a.py")
  }
  assert got == {
    "": ["a.py", "b/c.py", "b/d/e.js"],
    "/**/*.py": ["a.py", "b/c.py"],
    "/*.py": ["a.py"],
    "/b/*.[jp]?": ["b/c.py"],
    "/a.py": ["a.py"],
  }
  for glob in ("/*.rs", "/none/*", "/none"):
    with pytest.raises(InputError, match=r"no file matches|no such file"):
      texts(f"{tmp_path}{glob}")
