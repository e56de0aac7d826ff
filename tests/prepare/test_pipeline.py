"""The whole way on Beam, with few and small inputs: what it makes, again, and of what is broken."""

import gzip
import hashlib
import json
import pathlib

import numpy as np
import pytest

pytest.importorskip("apache_beam")

from codegen_jax import config as gin_config
from codegen_jax.data import make_tokenizer, vocabulary
from codegen_jax.data.prepared import Prepared
from codegen_jax.errors import InputError
from codegen_jax.prepare import run, stages, storage, tokenise
from codegen_jax.prepare.runner import Runner
from codegen_jax.prepare.settings import PrepareConfig
from tests.prepare import copies

BASE = "gin_configs/prepare/base.gin"
SMALL = ("SHARD_BYTES = 150000", "HELD_OUT_EVERY = 5", "reading.Reading.part_bytes = 100000",
         "BENCHMARKS = None")  # fmt: skip


@pytest.fixture(scope="module")
def source(tmp_path_factory):
  folder = tmp_path_factory.mktemp("source")
  for number, text in enumerate(copies.make(6, seed=3).texts):
    (folder / f"{number:02}.py").write_text(text)
  (folder / "zz_copy.py").write_text((folder / "00.py").read_text())
  (folder / "binary.py").write_bytes(b"\x7fELF\0\1")
  (folder / "latin.py").write_bytes(b"# a comment and some more, caf\xe9\nanswer = 42\n")
  lines = [
    json.dumps({"content": f"value_{i} = {i}\n" * 3, "path": f"r/{i}.py", "license": "MIT"})
    for i in range(30)
  ]
  lines[3], lines[7] = '{"content": "cut o', json.dumps({"path": "no text.py"})
  (folder / "some.jsonl").write_text("\n".join(lines))
  packed = gzip.compress("\n".join(lines[10:20]).replace("value", "packed").encode(), mtime=0)
  (folder / "whole.jsonl.gz").write_bytes(packed)
  (folder / "cut.jsonl.gz").write_bytes(packed[:-20])
  return folder


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory, source):
  out = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
  texts = [file.read_text() for file in sorted(source.glob("0*.py"))]
  return make_tokenizer.train(texts, vocab_size=600, num_masks=10, out=out)


def configured(*bindings: str) -> PrepareConfig:
  return gin_config.load(PrepareConfig, [BASE], [*SMALL, *bindings]).config


def prepare(source, out, tokenizer, *bindings, workers=1, work=None):
  out, work = storage.Path(out), storage.Path(work or f"{out}.work")
  runner = Runner((), workers)
  return run.prepare(configured(*bindings), [str(source)], out, work, tokenizer, runner)


@pytest.fixture(scope="module")
def made(source, tokenizer, tmp_path_factory):
  out = tmp_path_factory.mktemp("made") / "out"
  return out, prepare(source, out, tokenizer)


def shards(out) -> dict[str, bytes]:
  return {f.name: f.read_bytes() for f in pathlib.Path(out).glob("*array_record*")}


def test_every_document_is_counted_once(made, source):
  _, said = made
  dropped = {reason: told["documents"] for reason, told in said["dropped"].items()}
  assert said["documents_in"] == said["documents"] + sum(dropped.values())
  for reason in ("binary", "malformed line", "no text field", "truncated file", "exact copy"):
    assert dropped[reason] >= 1, reason
  assert dropped["near copy"] >= 12  # three of each of six, but for what is renamed too much
  assert said["repaired"] == 1


def test_what_is_read_back_is_the_text_that_went_in(made, source, tokenizer):
  out, said = made
  vocab = vocabulary.ByteLevelBPE(tokenizer)
  read = [row for split in ("train", "validation") for row in Prepared(out).documents(split)]
  assert len(read) == said["documents"]
  texts = {path: vocab.to_bytes(tokens).decode() for path, tokens in read}
  assert texts["r/4.py"] == "value_4 = 4\n" * 3
  assert texts["00.py"] == (source / "00.py").read_text()
  assert sum(len(tokens) for _, tokens in read) == said["tokens"]


def test_shards_are_the_same_bytes_with_two_workers(made, source, tokenizer, tmp_path):
  prepare(source, tmp_path / "again", tokenizer, workers=2)
  assert len(shards(made[0])) > 2
  assert shards(tmp_path / "again") == shards(made[0])


def test_bands_some_at_a_time_find_the_same_copies(made, source, tokenizer, tmp_path, monkeypatch):
  monkeypatch.setattr("codegen_jax.prepare.copies.HASHES_AT_ONCE", 250)
  sizes, rows = [], stages.band_rows

  def noted(*asked):
    found = rows(*asked)
    sizes.append((asked[-1].start, len(found)))
    return found

  monkeypatch.setattr(stages, "band_rows", noted)
  prepare(source, tmp_path / "again", tokenizer)
  of_groups = {start: sum(size for s, size in sizes if s == start) for start, _ in sizes}
  assert len(of_groups) > 2 and 0 < max(of_groups.values()) <= 250
  assert shards(tmp_path / "again") == shards(made[0])


def test_documents_are_in_the_order_of_their_hashes_with_the_seed(made, tokenizer):
  vocab, key = vocabulary.ByteLevelBPE(tokenizer), configured().writing.key
  for split in ("train", "validation"):
    texts = [vocab.to_bytes(tokens) for _, tokens in Prepared(made[0]).documents(split)]
    keys = [key(hashlib.sha256(text).digest()) for text in texts]
    assert len(keys) > 1 and keys == sorted(keys)


def test_another_seed_is_another_order_of_the_same(made, source, tokenizer, tmp_path):
  work = f"{made[0]}.work"  # texts and copies are there
  prepare(source, tmp_path / "other", tokenizer, "SEED = 7", work=work)
  paths = [
    [p for p, _ in Prepared(out).documents("train")] for out in (made[0], tmp_path / "other")
  ]
  assert paths[0] != paths[1] and sorted(paths[0]) == sorted(paths[1])


def test_a_run_that_was_stopped_goes_on_from_its_finished_stages(
  made, source, tokenizer, tmp_path, monkeypatch
):
  def stop(*_, **__):
    raise KeyboardInterrupt

  out = tmp_path / "out"
  with monkeypatch.context() as patched:
    patched.setattr("codegen_jax.prepare.pipeline.write_all", stop)
    with pytest.raises(KeyboardInterrupt):
      prepare(source, out, tokenizer)
  assert not Prepared.is_one(out)
  with pytest.raises(InputError, match="no folder that `codegen-jax prepare` has finished"):
    next(Prepared(out).documents("train"))
  for stage in ("read_part", "tokenise_part"):  # neither is begun again
    monkeypatch.setattr(stages, stage, stop)
  prepare(source, out, tokenizer)
  assert shards(out) == shards(made[0])


def test_a_full_disk_leaves_no_shard(made, tmp_path, monkeypatch):
  from codegen_jax.prepare import write

  def full(*_, **__):
    raise OSError(28, "No space left on device")

  monkeypatch.setattr(write.hashlib, "file_digest", full)
  with pytest.raises(OSError, match="No space"):
    write.write_shard(storage.Path(tmp_path / "a.array_record"), [], 0, 1)
  assert not list(tmp_path.iterdir())


def test_a_folder_of_something_else_is_refused(made, source, tokenizer):
  with pytest.raises(InputError, match="other inputs, settings or another tokenizer"):
    prepare(source, made[0], tokenizer, "SEED = 8", work=f"{made[0]}.work")


def test_a_glob_that_matches_nothing_is_told(tokenizer, tmp_path):
  with pytest.raises(InputError, match="no file matches"):
    prepare(f"{tmp_path}/*.py", tmp_path / "out", tokenizer)


def test_a_line_too_long_is_skipped_without_the_ones_after_it(tmp_path, tokenizer):
  text = json.dumps({"content": "a = 1\n" * 20})
  (tmp_path / "x.jsonl").write_text(f"{text}\n{'x' * 5000}\n{text.replace('a', 'b', 2)}\n")
  said = prepare(tmp_path, tmp_path / "out", tokenizer, "reading.Reading.most_bytes = 1000",
                 "HELD_OUT_EVERY = 2", "NEAR = None")  # fmt: skip
  assert {reason: told["documents"] for reason, told in said["dropped"].items()} in (
    {"too large": 1}, {"too large": 1, "no text field": 1}
  )  # fmt: skip


def test_seqio_and_tfds_read_the_folder(made):
  import tensorflow_datasets as tfds

  rows = list(Prepared(made[0]).source().get_dataset("train", shuffle=False).as_numpy_iterator())
  with_tfds = tfds.builder_from_directory(made[0]).as_data_source("train")
  assert len(rows) == len(with_tfds) > 20
  for ours, theirs in zip(rows, with_tfds, strict=True):
    assert ours["id"] == theirs["id"] and np.array_equal(ours["tokens"], theirs["tokens"])


def test_the_fast_way_gives_the_ids_of_the_tokenizers_library(tokenizer, source):
  encode = tokenise.Encoder(str(tokenizer))
  assert encode.is_fast
  texts = [file.read_text() for file in sorted(source.glob("[01]*.py"))]
  texts += ["", " ", "\n", "  \n\n   x\t\t y\r\n ", "it's 12é — ﬁ  ", "<|endoftext|><mask_1>"]
  assert encode(texts) == encode.plainly(texts)


def test_runs_of_spaces_are_cut_as_codegens_tokenizers_cut_them(tmp_path, tokenizer):
  told = json.loads(tokenizer.read_text())
  runs = [" " * n for n in range(31, 1, -1)] + ["\t" * n for n in range(9, 1, -1)]
  first = max(token["id"] for token in told["added_tokens"]) + 1
  told["added_tokens"] += [
    {"id": first + i, "content": run, "special": False, "single_word": False, "lstrip": False,
     "rstrip": False, "normalized": False} for i, run in enumerate(runs)
  ]  # fmt: skip
  file = tmp_path / "runs.json"
  file.write_text(json.dumps(told))
  encode = tokenise.Encoder(str(file))
  assert encode.is_fast
  rng = np.random.default_rng(0)
  parts = [" ", "  ", "   ", "\t", "\t\t", "\n", "\r\n", "a", "1", "(", "'s", " " * 33, "\t" * 10]
  texts = ["".join(rng.choice(parts, 40)) for _ in range(300)]
  assert encode(texts) == encode.plainly(texts)
