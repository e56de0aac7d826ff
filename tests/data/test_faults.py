"""Bad input, tried for real: each is counted and left out, or stops with one sentence."""

import contextlib
import dataclasses
import functools
import itertools
import json
import os
from pathlib import Path
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np
import pytest
import seqio

from codegen_jax.data import pipeline, token_file, token_store
from codegen_jax.data.objectives import CausalLM
from codegen_jax.data.pipeline import DataConfig, Reader
from codegen_jax.data.token_store import TokenStore
from codegen_jax.errors import InputError
from tasks import build
from tests.data import toy

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {"vocab_size": 100, "eos_id": toy.EOS, "fingerprint": "abc"}
WORDS = np.random.default_rng(0).integers(0, toy.WORDS, (300, 400))


def documents():
  return [(f"{i:03}.py", ids) for i, ids in enumerate(WORDS)]


def write(folder: Path, of=None, **settings) -> TokenStore:
  return token_store.write(folder, documents() if of is None else of, **SETTINGS | settings)


@pytest.fixture
def store(tmp_path) -> Path:
  """Four blocks of tokens, none of them held by this process."""
  write(tmp_path / "s")
  return tmp_path / "s"


@pytest.fixture
def nobody():
  """A folder of somebody who may not write everywhere, as root may."""
  with tempfile.TemporaryDirectory(prefix="faults") as name:
    folder, me = Path(name), os.geteuid()
    folder.chmod(0o755)

    @contextlib.contextmanager
    def become():
      if me == 0:
        os.seteuid(65534)
      try:
        yield
      finally:
        os.seteuid(me)

    yield folder, become


# The tokens that are kept.


@pytest.mark.parametrize("name", ["tokens.npy", "offsets.npy", "checksums.npy", "documents.json"])
@pytest.mark.parametrize("how", ["cut", "emptied", "removed", "lengthened", "bit", "zeros"])
def test_a_store_that_is_not_what_was_written_is_not_opened(store, name, how):
  file = store / name
  data = bytearray(file.read_bytes())
  middle = 128 + (len(data) - 128) // 2
  if how == "bit":
    data[middle] ^= 1
  elif how == "zeros":
    data[middle:] = bytes(len(data) - middle)
  changed = {"cut": data[:-1], "emptied": b"", "lengthened": data + b"\0"}.get(how, data)
  file.write_bytes(changed)
  if how == "removed":
    file.unlink()
  with pytest.raises(InputError, match=r"is damaged \(.*; delete that folder and prepare it again"):
    _ = TokenStore.open(store).paths


def test_no_bit_of_what_is_known_of_a_store_can_change(store):
  file = store / "meta.json"
  data = file.read_bytes()
  for place in range(len(data)):
    file.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    with pytest.raises(InputError, match=r"damaged .*delete that folder"):
      TokenStore.open(store)


def test_no_bit_of_a_header_ends_in_a_traceback(store):
  file = store / "tokens.npy"
  data = file.read_bytes()
  for place in range(128):
    file.write_bytes(data[:place] + bytes([data[place] ^ 8]) + data[place + 1 :])
    with contextlib.suppress(InputError):  # a space of it may well be another character
      assert TokenStore.open(store).slice(0, 9)[0].tolist() == WORDS[0, :9].tolist()


def test_of_a_large_store_each_block_is_checked_when_it_is_first_read(store, monkeypatch):
  monkeypatch.setattr(token_file, "CHECKED_AT_OPEN", 0)
  file = store / "tokens.npy"
  data = bytearray(file.read_bytes())
  place = 128 + 2 * token_file.BLOCK + 10  # in the third block
  data[place] ^= 1
  file.write_bytes(data)
  opened = TokenStore.open(store)
  inside = token_file.BLOCK  # tokens of two blocks
  assert opened.slice(0, inside)[0].tolist() == opened.tokens[:inside].tolist()
  for _ in range(2):
    with pytest.raises(InputError, match=r"tokens.npy is not what was written, at byte 131200 or"):
      opened.slice(inside - 1, inside + 1)


def test_checksums_are_those_of_the_bytes_however_they_came():
  noise = np.random.default_rng(0)
  for size in (0, 1, token_file.BLOCK, token_file.BLOCK + 1, 5 * token_file.BLOCK // 2):
    data, checksums = noise.bytes(size), token_file.Checksums()
    cuts = [0, *sorted(noise.integers(0, size + 1, 5).tolist()), size]
    for start, stop in itertools.pairwise(cuts):
      checksums.update(data[start:stop])
    blocks = [data[i : i + token_file.BLOCK] for i in range(0, size, token_file.BLOCK)]
    assert checksums.finish().tolist() == [token_file.zlib.crc32(block) for block in blocks]


def test_a_store_without_checksums_is_still_read_and_its_ids_are_checked(store):
  meta = json.loads((store / "meta.json").read_text())
  del meta["checks"], meta["seal"]
  (store / "meta.json").write_text(json.dumps(meta))
  assert TokenStore.open(store).paths[0] == "000.py"
  data = bytearray((store / "tokens.npy").read_bytes())
  data[129] = 0xFF  # the upper half of the first id
  (store / "tokens.npy").write_bytes(data)
  with pytest.raises(InputError, match=r"damaged \(the token id 65\d+ in a vocabulary of 100\)"):
    TokenStore.open(store).slice(0, 5)


# A run that loses them.


@dataclasses.dataclass(frozen=True)
class StoreSource:
  """A store as a source of tasks, under a vocabulary that may be another's."""

  folder: Path
  size: int = 100
  eos: int = toy.EOS
  name: str = "faulty"
  splits: tuple[str, ...] = ("train",)

  @property
  def vocabulary(self):
    return toy.Words(size=self.size, eos_id=self.eos)

  def record(self):
    return {}

  def reader(self, split):
    return functools.cache(lambda: TokenStore.open(self.folder, fingerprint="abc"))


@contextlib.contextmanager
def running(source: StoreSource):
  """A reader in the middle of its epoch."""
  build.add_task("faulty_clm", source, CausalLM())
  try:
    reader = Reader(DataConfig("faulty_clm", 64, 4))
    batches = pipeline.batches(reader, range(4))
    next(batches)
    yield reader, batches
  finally:
    seqio.TaskRegistry.remove("faulty_clm")


@pytest.mark.parametrize("left", [0, 1000])
def test_a_store_that_is_cut_short_under_a_run_ends_it_with_a_sentence(store, left):
  """A memory map would end the process here, and pytest with it."""
  with running(StoreSource(store)) as (_, batches):
    os.truncate(store / "tokens.npy", left)
    with pytest.raises(InputError, match=r"damaged \(tokens.npy was cut short while it was in use"):
      for _ in range(100):
        next(batches)


def test_a_run_goes_on_when_its_store_is_removed(store):
  with running(StoreSource(store)) as (reader, batches):
    shutil.rmtree(store)
    for _ in range(100):
      next(batches)
    assert reader.inspect(3).paths  # which are not read before they are asked for


def test_a_disk_that_fails_under_a_run_is_told(store, monkeypatch):
  def fail(*_):
    raise OSError(5, "Input/output error")

  with running(StoreSource(store)) as (_, batches):
    monkeypatch.setattr(token_file.os, "pread", fail)
    with pytest.raises(InputError, match=r"cannot be read any more \(Input/output error\); look"):
      next(batches)


@pytest.mark.parametrize("changes", [{"size": 101}, {"size": 90}, {"eos": 5}])
def test_tokens_of_another_tokenizer_are_refused(store, changes):
  refused = pytest.raises(InputError, match=r"of a vocabulary of 100 with 99 .* another tokenizer")
  with refused, running(StoreSource(store, **changes)):
    pass


# A store that is being built.


def test_a_cache_that_may_not_be_written_is_told(nobody):
  folder, become = nobody
  with become(), pytest.raises(InputError, match=r"cannot make .*Permission denied.*may write"):
    write(folder / "s")
  assert list(folder.iterdir()) == []


@contextlib.contextmanager
def full_disk(size: int):
  """Files of this process end at so many bytes."""
  soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
  resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
  try:
    yield
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [1, 200, 100_000, 240_000])
def test_a_disk_that_is_full_is_told_and_nothing_is_left(tmp_path, size):
  sentence = r"cannot write the token store .*/s \(.*File too large.*; nothing of it is kept: make"
  with pytest.raises(InputError, match=sentence), full_disk(size):
    write(tmp_path / "s")
  assert list(tmp_path.iterdir()) == []
  assert write(tmp_path / "s").num_documents == 300


BUILD = """
import sys, time
sys.path.insert(0, {root!r})
from tests.data import test_faults
def slowly():
  print("begun", flush=True)
  sys.stdin.readline()
  for number, document in enumerate(test_faults.documents()):
    yield document
    if number == {pause}:
      print("half", flush=True)
      time.sleep({seconds})
made = test_faults.write(test_faults.Path({folder!r}), slowly())
assert made.tokens[:400].tolist() == test_faults.WORDS[0].tolist(), made
"""


def builder(folder: Path, *, pause: int = -1, seconds: float = 0) -> subprocess.Popen:
  """Another process that builds a store as soon as it is told to."""
  code = BUILD.format(root=str(ROOT), folder=str(folder), pause=pause, seconds=seconds)
  pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
  return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, text=True, **pipes)


def test_two_processes_build_one_store_at_once(tmp_path):
  both = [builder(tmp_path / "s"), builder(tmp_path / "s", pause=150, seconds=0.2)]
  for one in both:
    assert one.stdout.readline() == "begun\n"
  for one in both:
    one.stdin.write("go\n")
    one.stdin.flush()
  for one in both:
    said = one.communicate()[1]
    assert one.returncode == 0, said
  assert [file.name for file in tmp_path.iterdir()] == ["s"]
  assert TokenStore.open(tmp_path / "s").num_documents == 300


def test_a_build_that_was_killed_is_done_again(tmp_path):
  killed = builder(tmp_path / "s", pause=150, seconds=60)
  killed.stdin.write("go\n")
  killed.stdin.flush()
  assert killed.stdout.readline() + killed.stdout.readline() == "begun\nhalf\n"
  killed.send_signal(signal.SIGKILL)
  killed.communicate()
  (draft,) = tmp_path.iterdir()
  assert draft.name.startswith(".s.")
  assert write(tmp_path / "s").num_documents == 300
  assert draft.exists()  # for all that is known, another process is at it
  os.utime(draft / "tokens.npy", times := (time.time() - 2 * token_store.DAY,) * 2)
  os.utime(draft, times)
  (draft.parent / ".s-other.1").mkdir()
  os.utime(draft.parent / ".s-other.1", times)
  shutil.rmtree(tmp_path / "s")
  write(tmp_path / "s")
  assert {file.name for file in tmp_path.iterdir()} == {"s", ".s-other.1"}
