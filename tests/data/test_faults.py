"""Bad input, tried for real: each is counted and left out, or stops with one sentence."""

import contextlib
import copy
import dataclasses
import functools
import gzip
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

from codegen_jax.data import jsonl, pieces, pipeline, token_file, token_store, vocabulary
from codegen_jax.data.documents import Documents
from codegen_jax.data.objectives import CausalLM
from codegen_jax.data.pipeline import DataConfig, Reader
from codegen_jax.data.token_store import TokenStore
from codegen_jax.errors import InputError
from tasks import build, sources
from tasks.sources import Source
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


# Documents.  Each is read as a run reads it: through a source, into the cache.


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
  file = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
  text = Path(__file__).read_text()
  vocabulary.train([text], vocab_size=400, out=file, num_masks=0)
  return file


@pytest.fixture
def source(tmp_path, monkeypatch, tokenizer):
  """Makes a source of a folder that is called corpus."""
  monkeypatch.setenv("CODEGEN_JAX_CACHE", str(tmp_path / "cache"))
  (tmp_path / "corpus").mkdir()

  def make(files: dict[str, bytes], *, below: Path = tmp_path) -> Source:
    for name, data in files.items():
      (below / "corpus" / name).write_bytes(data)
    settings = {"field": "content", "description": "a toy", "held_out_every": 5}
    made = Documents("own", below / "corpus", **settings)
    return Source("own", lambda: made, vocabulary.ByteLevelBPE(tokenizer))

  return make


def lines(count: int, begin: int = 0) -> bytes:
  told = [{"content": f"x = {i}\n", "path": f"{i}.py"} for i in range(begin, begin + count)]
  return b"".join(json.dumps(one).encode() + b"\n" for one in told)


def texts(source: Source) -> dict[str, str]:
  """What is in both stores."""
  read = {}
  for split in source.splits:
    store = source.reader(split)()
    for path, *place in zip(store.paths, store.offsets, store.offsets[1:], strict=False):
      read[path] = source.vocabulary.decode(store.tokens[slice(*place)][:-1].tolist())
  return read


def kept() -> list[str]:
  folder = sources.cache_folder() / "tokens"
  return [file.name for file in folder.iterdir()] if folder.exists() else []


def refuses(source: Source, sentence: str) -> None:
  """It stops with this sentence, and nothing is left that a later run would take for whole."""
  for split in source.splits:
    with pytest.raises(InputError, match=sentence):
      source.reader(split)()
  assert kept() == []


BROKEN = {
  "not JSON": b'{"content": "x',
  "a number too long": b'{"content": ' + b"9" * 5000 + b"}",
  "missing": b'{"text": "x"}',
  "many fields": json.dumps({f"f{i}": 1 for i in range(9999)}).encode(),
  "null": b'{"content": null}',
  "list": b'["content"]',
  "nested": b"[" * 100_000,
  "nested objects": b'{"content":' * 100_000,
  "UTF-8": b'{"content": "\xe9"}',
  "surrogate": b'{"content": "\\ud800"}',
  "surrogate in a path": b'{"content": "x", "path": "\\ud800"}',
  "surrogate in a field": b'{"\\ud800": "x"}',
  "UTF-16": '{"content": "x"}'.encode("utf-16"),
  "NUL": b"\0" * 100,
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_line_that_is_no_document_is_counted_and_the_others_are_kept(source, broken, capsys):
  own = source({"0.jsonl": lines(150) + broken + b"\n" + lines(150, 150)})
  assert len(texts(own)) == 300
  assert (own.record()["unreadable"], own.record()["files"]) == (1, 300)
  said = capsys.readouterr().err
  assert "1 of 301 documents of own cannot be read (the first is 0.jsonl:151: it " in said
  assert max(map(len, said.splitlines())) < 500


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_too_many_of_them_stop(source, broken):
  own = source({"0.jsonl": lines(150) + 2 * (broken + b"\n")})
  refuses(own, r"^2 of 152 documents of own cannot be read .*; repair them or take them out$")


def test_byte_order_marks_and_windows_line_ends_are_no_fault(source):
  data = b"\xef\xbb\xbf" + lines(60).replace(b"\n", b"\r\n")
  assert texts(source({"0.jsonl": data})) == {f"{i}.py": f"x = {i}\n" for i in range(60)}


def test_nul_bytes_are_text(source):
  odd = {f"{i}.py": f"a\0\0b{i}\0" for i in range(60)}
  assert texts(source({name: text.encode() for name, text in odd.items()})) == odd


def test_a_line_without_end_stops(source, monkeypatch):
  monkeypatch.setattr(jsonl, "LONGEST", 1000)
  refuses(source({"0.jsonl": lines(60) + b"x" * 1001}), r"line 61 has more than 1000 bytes: is it")


PACKED = gzip.compress(lines(60))
GZIPS = {
  "cut": (PACKED[:-20], "Compressed file ended before the end-of-stream"),
  "cut in its header": (PACKED[:5], "Compressed file ended before the end-of-stream"),
  "garbage": (PACKED + b"garbage", "Not a gzipped file"),
  "changed": (PACKED[:100] + b"xxxx" + PACKED[104:], ""),
  "no gzip": (lines(60), "Not a gzipped file"),
}


@pytest.mark.parametrize(("data", "why"), GZIPS.values(), ids=GZIPS)
def test_a_damaged_gzip_stops(source, data, why):
  own = source({"0.jsonl": lines(60), "1.jsonl.gz": data})
  refuses(own, rf"1\.jsonl\.gz cannot be read to its end \(.*{why}.*\); bring it again, or take it")


def test_gzips_end_to_end_are_one(source):
  assert len(texts(source({"0.jsonl.gz": PACKED + gzip.compress(lines(60, 60))}))) == 120


@pytest.mark.parametrize("name", ["1.jsonl", "1.jsonl.gz"])
@pytest.mark.parametrize("data", [b"", gzip.compress(b"")], ids=["no bytes", "packed"])
def test_an_empty_shard_is_counted_and_the_others_are_read(source, name, data, capsys):
  if not name.endswith(".gz"):
    data = b""
  own = source({"0.jsonl": lines(150), name: data, "2.jsonl": lines(150, 150)})
  assert len(texts(own)) == 300
  assert f"1 of 301 documents of own cannot be read (the first is {name}: it is empty)" in (
    capsys.readouterr().err
  )
  assert own.record()["first_unreadable"] == f"{name}: it is empty"


def test_shards_of_which_all_are_empty_stop(source):
  own = source({"0.jsonl": b"", "1.jsonl.gz": b""})
  refuses(own, r"^2 of 2 documents of own cannot be read \(the first is 0.jsonl: it is empty\)")


def test_shards_of_blank_lines_stop(source):
  refuses(source({"0.jsonl": b"\n\n"}), r"own has too few documents for a split in two: 0 that are")


def test_a_long_document_is_tokenised_in_pieces(tokenizer, monkeypatch):
  """A tokenizer takes 200 times the size of a text: 20 GB for a document of 100 MB."""
  monkeypatch.setattr(pieces, "LONGEST", 1000)
  monkeypatch.setattr(pieces, "WINDOW", 100)
  monkeypatch.setattr(vocabulary, "BATCH", 3000)
  code = Path(__file__).read_text()
  kinds = [code, " ".join(code.split()), code.encode().hex(), "é" * 5000, " \n" * 3000, "x", ""]
  ours, whole = vocabulary.ByteLevelBPE(tokenizer), vocabulary.ByteLevelBPE(tokenizer)
  given = []

  class Watched:
    def encode_batch_fast(self, texts, **settings):
      given.append([len(text) for text in texts])
      return whole._tables.tokenizer.encode_batch_fast(texts, **settings)

  ours._loaded = copy.copy(whole._tables)
  object.__setattr__(ours._loaded, "tokenizer", Watched())
  got = ours.encode_batch(kinds)
  assert max(map(max, given)) <= 1000 and max(map(sum, given)) < 4000
  for text, ids in zip(kinds, got, strict=True):
    assert ours.decode(ids.tolist()) == text
  for text, ids in zip(kinds[:3], got, strict=False):  # where there are words, no token is another
    assert ids.tolist() == whole.encode(text)


# Files that go, and files that may not be read.


def test_a_file_that_is_gone_before_it_is_read_stops(source):
  files = {"0.jsonl": lines(60), "1.jsonl": lines(60, 60)}
  for late in (False, True):
    own = source(files)
    gone = own.corpus().files["1.jsonl"]
    if late:
      _ = own.corpus().fingerprint
    gone.unlink()
    refuses(own, r"1\.jsonl cannot be read .*No such file.*take it out")


def test_a_file_that_is_gone_while_the_corpus_is_read_stops(source):
  own = source({"0.jsonl": lines(60), "1.jsonl": lines(60, 60)})
  reading = own.corpus().split("train")
  next(reading)
  own.corpus().files["1.jsonl"].unlink()
  with pytest.raises(InputError, match=r"1\.jsonl cannot be read to its end .*No such file"):
    list(reading)


def test_a_run_does_not_need_the_files_that_are_tokenised(source):
  own = source({"0.jsonl": lines(60)})
  assert len(texts(own)) == 60
  own.corpus().files["0.jsonl"].unlink()
  assert own.record()["files"] == 60 and len(texts(own)) == 60


@pytest.mark.parametrize("data", [lines(30), lines(59), lines(61), b""], ids=len)
def test_a_file_that_is_still_being_written_stops(source, data):
  own = source({"0.jsonl": lines(60), "1.jsonl": lines(60, 60)})
  _ = own.corpus().fingerprint
  own.corpus().files["0.jsonl"].write_bytes(data)
  refuses(own, r"0\.jsonl was changed while own was read; begin again|0\.jsonl: it is empty")


def test_a_file_or_a_folder_that_may_not_be_read_is_named(source, nobody):
  folder, become = nobody
  (folder / "corpus" / "below").mkdir(parents=True)
  source({"0.jsonl": lines(60)}, below=folder)
  for name, mode in {"corpus/0.jsonl": 0o644, "corpus/below": 0o755}.items():
    own = source({}, below=folder)
    (folder / name).chmod(0)
    with become(), pytest.raises(InputError, match=rf"{name} cannot be read \(Permission denied\)"):
      own.reader("train")()
    (folder / name).chmod(mode)
  assert kept() == []


def test_a_pipe_and_a_broken_link_are_told_and_not_waited_for(source):
  own = source({"0.jsonl": lines(60)})
  place = own.corpus().path / "1.jsonl"
  os.mkfifo(place)
  refuses(own, r"1\.jsonl is a broken link or not a regular file; remove it")
  place.unlink()
  place.symlink_to("nowhere")
  refuses(own, r"1\.jsonl is a broken link or not a regular file; remove it")


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
