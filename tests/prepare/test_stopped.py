"""The command, killed or without room on its disk: nothing half-written, the same bytes later."""

import os
import pathlib
import resource
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("apache_beam")

from codegen_jax.data import make_tokenizer
from codegen_jax.data.prepared import Prepared
from codegen_jax.errors import InputError
from codegen_jax.prepare import storage, write
from tests.prepare import copies

TEXTS = copies.make(8, seed=4).texts


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp("stopped")
  (folder / "source").mkdir()
  for number, text in enumerate(TEXTS):
    (folder / "source" / f"{number:02}.py").write_text(text)
  (folder / "source" / "copy.py").write_text(TEXTS[0])
  make_tokenizer.train(TEXTS[:9], vocab_size=500, num_masks=4, out=folder / "tokenizer.json")
  return folder


def start(
  folder, out: str, *, most_bytes: int | None = None, workers: int = 1
) -> subprocess.Popen[str]:
  def limit():
    if most_bytes:
      resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

  command = [
    sys.executable, "-m", "codegen_jax.main", "prepare", f"--input={folder / 'source'}",
    f"--out={folder / out}", f"--work={folder / out}.work",
    f"--tokenizer={folder / 'tokenizer.json'}", "--gin.SHARD_BYTES=200000", "--gin.BENCHMARKS=None",
    "--gin.reading.Reading.part_bytes=100000", f"--workers={workers}",
  ]  # fmt: skip
  return subprocess.Popen(command, text=True, preexec_fn=limit, stderr=subprocess.PIPE,
                          stdout=subprocess.DEVNULL)  # fmt: skip


def shards(folder: pathlib.Path) -> dict[str, bytes]:
  return {file.name: file.read_bytes() for file in folder.glob("code-*")}


@pytest.fixture(scope="module")
def whole(folder):
  process = start(folder, "whole")
  told = process.communicate()[1]
  assert process.returncode == 0, told
  return shards(folder / "whole")


SLOW = [pytest.param(seen, marks=pytest.mark.slow) for seen in (".work/*/exact/*.npy", "/code-*")]


@pytest.mark.parametrize("seen", [".work/*/tally/*.json", ".work/*/tokens-*/*.bin", *SLOW])
def test_a_killed_run_leaves_nothing_to_read_and_goes_on_to_the_same_bytes(folder, whole, seen):
  out = "killed" + str(len(seen))
  process = start(folder, out)
  while process.poll() is None and not list(folder.glob(out + seen)):
    time.sleep(0.002)
  process.send_signal(signal.SIGKILL)
  process.communicate()
  assert process.returncode == -signal.SIGKILL, "it was faster than this test"
  assert shards(folder / out).items() <= whole.items()  # those that are there are whole
  with pytest.raises(InputError, match="has finished"):
    next(Prepared(folder / out).documents("train"))
  done = {f: f.stat().st_mtime_ns for f in folder.glob(f"{out}.work/*/tally/*.json")}
  assert done
  again = start(folder, out)
  told = again.communicate()[1]
  assert again.returncode == 0, told
  assert shards(folder / out) == whole
  assert done == {
    file: file.stat().st_mtime_ns for file in done
  }  # finished parts were not made anew


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_told_in_a_sentence_and_leaves_no_shard(folder, whole, workers):
  process = start(folder, "full", most_bytes=40_000, workers=workers)
  told = process.communicate()[1]
  assert process.returncode == 2
  *stages, last = told.strip().splitlines()
  assert last.startswith("codegen-jax: ") and "cannot be written" in last and "make room" in last
  assert all(line.startswith("prepare: ") for line in stages), told
  assert not shards(folder / "full") and not (folder / "full" / "manifest.json").exists()
  assert not [
    f for f in folder.glob("full.work/**/*") if f.is_file() and f.stat().st_size >= 40_000
  ]


def test_a_shard_that_the_disk_has_no_room_for_is_not_there(tmp_path):
  part, out = storage.Path(tmp_path / "0.bin"), storage.Path(tmp_path / "a.array_record")
  noise = os.urandom(300_000)
  write.write_part(part, [(0, 1, noise, 1)], 1)
  before = resource.getrlimit(resource.RLIMIT_FSIZE)
  resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
  try:
    with pytest.raises(InputError, match="cannot be written whole"):
      write.write_shard(out, [part], 0, 1)
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
  assert [file.name for file in tmp_path.iterdir()] == ["0.bin"]
  assert write.write_shard(out, [part], 0, 1)["documents"] == 1


def test_what_a_killed_process_was_writing_goes_and_nothing_else(tmp_path):
  begun = storage.writing(storage.Path(tmp_path / "a.array_record"))  # and never ended
  begun.__enter__().write_text("half")
  for name in (".fingerprint", "b.array_record"):
    (tmp_path / name).write_text("whole")
  assert len(list(tmp_path.iterdir())) == 3
  storage.remove_drafts(storage.Path(tmp_path))
  assert {file.name for file in tmp_path.iterdir()} == {".fingerprint", "b.array_record"}
