"""Every kind of input: each document once, in the same parts, and what is broken has its name."""

import gzip
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from codegen_jax.errors import InputError
from codegen_jax.prepare import read
from codegen_jax.prepare.document import Drop, Raw
from codegen_jax.prepare.parts import Part, Reading

SMALL = Reading(part_bytes=300, most_bytes=1000, tfds_examples=4)
TEXTS = [f"value_{n} = {n}\n" for n in range(25)]
ROWS = [
  {"content": text, "path": f"r/{n}.py", "license": "MIT", "lang": "Python"}
  for n, text in enumerate(TEXTS)
]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


def read_all(*patterns: pathlib.Path | str, reading: Reading = SMALL):
  parts, _ = read.plan([str(one) for one in patterns], reading)
  assert [part.number for part in parts] == list(range(len(parts)))
  assert [Part.from_json(json.loads(json.dumps(part.to_json()))) for part in parts] == parts
  return parts, [raw for part in parts for raw in read.raws(part, reading)]


def write(folder: pathlib.Path, ending: str, lines: str = LINES) -> pathlib.Path:
  path, data = folder / f"some{ending}", lines.encode()
  if ending == ".jsonl.gz":
    data = gzip.compress(data, mtime=0)
  if ending == ".jsonl.zst":
    # Two frames, as a file that was appended to.
    half = len(data) // 2
    packer = zstandard.ZstdCompressor()
    data = packer.compress(data[:half]) + packer.compress(data[half:])
  path.write_bytes(data)
  return path


def parquet(folder: pathlib.Path) -> pathlib.Path:
  path = folder / "some.parquet"
  columns = {name: [row[name] for row in ROWS] for name in ROWS[0]} | {"size": [1] * len(ROWS)}
  pq.write_table(pa.table(columns), path, row_group_size=4)
  return path


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet"])
def test_every_row_is_read_once_with_its_fields(tmp_path, ending):
  path = parquet(tmp_path) if ending == ".parquet" else write(tmp_path, ending)
  parts, raws = read_all(path)
  assert [raw.content for raw in raws] == TEXTS
  assert {raw.licenses for raw in raws} == {("MIT",)}
  assert {raw.language for raw in raws} == {"Python"}
  assert [raw.name for raw in raws] == [row["path"] for row in ROWS]
  assert (len(parts) > 1) == (ending in (".jsonl", ".parquet"))  # the others are not cut


@pytest.mark.parametrize("size", [1, 7, 100, 101, 102, 103, 5000])
def test_lines_do_not_mind_where_parts_are_cut(tmp_path, size):
  _, raws = read_all(write(tmp_path, ".jsonl"), reading=Reading(part_bytes=size))
  assert [raw.content for raw in raws] == TEXTS


@pytest.mark.parametrize(
  ("ending", "reason"), [(".jsonl.gz", "truncated file"), (".jsonl.zst", "truncated file")]
)
def test_a_packed_file_that_is_cut_keeps_what_came_before(tmp_path, ending, reason):
  # Text that does not pack away, so that some of it stands before the cut.
  lines = "".join(
    json.dumps({"content": f"{pow(7, n, 10**40 + 7)}" * 3}) + "\n" for n in range(2500)
  )
  path = write(tmp_path, ending, lines)
  path.write_bytes(path.read_bytes()[:-200])
  _, raws = read_all(path)
  whole, last = raws[:-1], raws[-1]
  assert len(whole) > 500 and all(isinstance(raw, Raw) for raw in whole)
  assert last == ("some" + ending, Drop(reason), 0)


@pytest.mark.parametrize("ending", [".jsonl.gz", ".jsonl.zst"])
def test_a_file_that_is_not_packed_as_its_name_says_is_broken(tmp_path, ending):
  path = tmp_path / f"some{ending}"
  path.write_text(LINES)
  _, raws = read_all(path)
  assert raws == [(path.name, Drop("broken file"), 0)]


@pytest.mark.parametrize(
  ("line", "reason"),
  [
    ('{"content": "cut o', "malformed line"),
    ('["content", "x"]', "malformed line"),
    ('{"path": "x.py"}', "no text field"),
    ('{"content": 5}', "no text field"),
    ("[" * 100_000, "malformed line"),
    (json.dumps({"content": "x" * 200_000}), "too large"),
  ],
)
def test_a_line_that_is_no_document_has_its_place_and_the_ones_after_it_are_read(
  tmp_path, line, reason
):
  reading = Reading(most_bytes=150_000)
  path = write(tmp_path, ".jsonl", LINES + line + "\n\n" + LINES)
  _, raws = read_all(path, reading=reading)
  (broken,) = [raw for raw in raws if not isinstance(raw, Raw)]
  assert broken == (f"some.jsonl@{len(LINES)}", Drop(reason), broken[2])
  assert broken[2] in (len(line), len(line) + 1)  # with its line break
  assert [raw.content for raw in raws if isinstance(raw, Raw)] == TEXTS * 2


def test_bytes_that_are_no_text_in_a_line_are_told(tmp_path):
  path = tmp_path / "some.jsonl"
  path.write_bytes(b'{"content": "caf\xe9"}\n' + LINES.encode())
  _, (first, *others) = read_all(path)
  assert first == ("some.jsonl@0", Drop("encoding"), 20) and len(others) == len(ROWS)


def test_a_line_of_a_hundred_megabytes_is_not_held(tmp_path):
  import tracemalloc

  path = tmp_path / "some.jsonl"
  with path.open("w") as file:
    file.write('{"content": "')
    for _ in range(100):
      file.write("x" * 10**6)
    file.write('"}\n' + LINES)
  tracemalloc.start()
  _, raws = read_all(path, reading=Reading(most_bytes=10**6))
  _, most = tracemalloc.get_traced_memory()
  tracemalloc.stop()
  assert raws[0] == ("some.jsonl@0", Drop("too large"), 100 * 10**6 + 16)
  assert len(raws) == 1 + len(ROWS) and most < 20 * 10**6


def test_a_file_that_is_no_parquet_is_refused_at_once(tmp_path):
  (tmp_path / "x.parquet").write_text("no")
  with pytest.raises(
    InputError, match=r"x\.parquet is not Parquet .* bring it again or take it out"
  ):
    read_all(tmp_path)


def test_a_data_set_of_tfds_is_an_input(tmp_path):
  import tensorflow_datasets as tfds

  class Few(tfds.core.GeneratorBasedBuilder):
    """Texts with a path."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
      features = {"text": tfds.features.Text(), "path": tfds.features.Text()}
      return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
      return {"train": self._generate_examples()}

    def _generate_examples(self):
      for number, text in enumerate(TEXTS[:10]):
        yield number, {"text": text, "path": f"{number}.py"}

  builder = Few(data_dir=str(tmp_path))
  builder.download_and_prepare()
  parts, raws = read_all(f"tfds:{builder.data_dir}#train")
  assert [(part.start, part.stop) for part in parts] == [(0, 4), (4, 8), (8, 10)]
  texts = [raw.content.decode() if isinstance(raw.content, bytes) else raw.content for raw in raws]
  assert sorted(texts) == sorted(TEXTS[:10])
  assert {raw.name for raw in raws} == {f"{n}.py" for n in range(10)}
  with pytest.raises(InputError, match="has no split 'test'; it has train"):
    read_all(f"tfds:{builder.data_dir}#test")
  with pytest.raises(InputError, match="tfds finds none"):
    read_all("tfds:no_such_data_set")


def test_files_are_found_as_a_shell_finds_them(tmp_path):
  for name in ("a.py", "b/c.py", "b/d/e.js", "b/.hidden/f.py", "b/g.bin", ".git/h.py"):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(name)

  def names(pattern: str) -> list[str]:
    return [raw.name for raw in read_all(pattern)[1]]

  assert names(f"{tmp_path}") == ["a.py", "b/c.py", "b/d/e.js"]
  assert names(f"{tmp_path}/*.py") == ["a.py"]
  assert names(f"{tmp_path}/**/*.py") == ["a.py", "b/c.py"]
  assert names(f"{tmp_path}/b/[cd]*") == ["c.py"]
  assert names(f"{tmp_path}/a.py") == ["a.py"]
  with pytest.raises(InputError, match="no file matches it"):
    names(f"{tmp_path}/*.rs")
  with pytest.raises(InputError, match="no such file or folder"):
    names(f"{tmp_path}/nowhere")


def test_an_unreadable_file_and_one_too_large_are_told(tmp_path):
  (tmp_path / "large.py").write_text("x" * 1001)
  (tmp_path / "gone.py").write_text("x")
  parts, _ = read.plan([str(tmp_path)], SMALL)
  (tmp_path / "gone.py").unlink()
  raws = [raw for part in parts for raw in read.raws(part, SMALL)]
  assert sorted(raws) == [
    ("gone.py", Drop("unreadable file"), 0), ("large.py", Drop("too large"), 1001)
  ]  # fmt: skip
