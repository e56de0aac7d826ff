"""The whole way from a bucket to a bucket: the same shards as here."""

import gzip
import json
import os
import pathlib

from etils.epath import backend, gpath
import pytest

pytest.importorskip("apache_beam")

import pyarrow as pa
import pyarrow.parquet as pq

from codegen_jax import config as gin_config
from codegen_jax.data import make_tokenizer
from codegen_jax.prepare import run, storage
from codegen_jax.prepare.runner import Runner
from codegen_jax.prepare.settings import PrepareConfig

TEXTS = [f"def f{i}(x):\n  value = x + {i}\n  return value * {i * i}\n" * 3 for i in range(40)]
SETTINGS = ("SHARD_BYTES = 2000", "HELD_OUT_EVERY = 5", "reading.Reading.part_bytes = 1000",
            "BENCHMARKS = None")  # fmt: skip


class Bucket:
  """gs:// in a folder, behind the functions by which epath asks a store, and no other way."""

  def __init__(self, folder: pathlib.Path):
    self._folder, self.asked = str(folder), set()

  def __getattr__(self, name: str):
    function = getattr(backend.os_backend, name)

    def asked(*paths, **more):
      self.asked.add(name)
      return function(*(self._here(path) for path in paths), **more)

    return asked

  def _here(self, path):
    told = os.fspath(path) if isinstance(path, os.PathLike) else path
    return told.replace("gs:/", self._folder, 1) if str(told).startswith("gs://") else told


@pytest.fixture
def bucket(tmp_path, monkeypatch) -> Bucket:
  made = Bucket(tmp_path / "buckets")
  monkeypatch.setitem(gpath._PREFIX_TO_BACKEND, "gs", made)
  monkeypatch.setattr(gpath, "_is_tf_installed", lambda: False)
  monkeypatch.setattr(gpath, "_get_backend", lambda *_: made)  # of two paths, for a copy
  return made


@pytest.fixture
def source(tmp_path) -> pathlib.Path:
  folder = tmp_path / "buckets" / "b" / "source"
  folder.mkdir(parents=True)
  for number, text in enumerate(TEXTS[:10]):
    (folder / f"{number}.py").write_text(text)
  lines = [json.dumps({"content": text, "path": f"l{i}.py"}) for i, text in enumerate(TEXTS[10:20])]
  (folder / "a.jsonl").write_text("\n".join(lines))
  packed = [
    json.dumps({"content": text, "path": f"z{i}.py"}) for i, text in enumerate(TEXTS[20:30])
  ]
  (folder / "b.jsonl.gz").write_bytes(gzip.compress("\n".join(packed).encode()))
  rows = {"content": TEXTS[30:] + TEXTS[:2], "path": [f"p{i}.py" for i in range(12)]}
  pq.write_table(pa.table(rows), folder / "c.parquet", row_group_size=3)
  return folder


def shards(folder: pathlib.Path) -> dict[str, bytes]:
  return {file.name: file.read_bytes() for file in folder.glob("*array_record*")}


def test_shards_of_a_bucket_are_those_of_a_folder(bucket, source, tmp_path):
  tokenizer = make_tokenizer.train(TEXTS, vocab_size=400, num_masks=4, out=tmp_path / "t.json")
  config = gin_config.load(PrepareConfig, ["gin_configs/prepare/base.gin"], SETTINGS).config
  runner = Runner()

  def prepare(place: str):
    return run.prepare(config, [f"{place}/source"], storage.Path(f"{place}/out"),
                       storage.Path(f"{place}/work"), tokenizer, runner)  # fmt: skip

  here = tmp_path / "here"
  here.mkdir()
  (here / "source").symlink_to(source)
  mine = prepare(str(here))
  assert not bucket.asked
  told = prepare("gs://b")
  assert mine["documents"] == told["documents"] > 20 and mine["dropped"] == told["dropped"]
  assert len(shards(here / "out")) > 3
  assert shards(here / "out") == shards(tmp_path / "buckets" / "b" / "out")
  assert {"listdir", "open", "copy", "stat"} <= bucket.asked
  assert prepare("gs://b")["fingerprint"] == told["fingerprint"]
