"""A prepared folder where a corpus is looked for, and one that is not whole."""

import json

import numpy as np
import pytest

from codegen_jax.data import make_tokenizer, vocabulary
from codegen_jax.data.prepared import Prepared
from codegen_jax.errors import InputError
from codegen_jax.prepare import example, manifest, storage, write
from tasks import published, sources

TEXT = "".join(f"def f{i}(x):\n  return x + {i}\n" for i in range(200))


@pytest.fixture
def folder(tmp_path):
  """Six documents, written as a worker writes them; and their tokenizer."""
  file = make_tokenizer.train([TEXT], vocab_size=300, num_masks=4, out=tmp_path / "tokenizer.json")
  vocab = vocabulary.ByteLevelBPE(file)
  records = [
    (shard, 100 - i, example.serialised({"id": b"%d" % i, "path": b"p%d" % i, "language": b"",
                                         "tokens": [i, 7, 300 % (i + 1)]}), 3)
    for i in range(6) for shard in [i % 2]
  ]  # fmt: skip
  out, part = storage.Path(tmp_path / "out"), storage.Path(tmp_path / "0.bin")
  write.write_part(part, records, 2)
  shards = {
    split: [write.write_shard(out / f"toy-{split}.array_record-00000-of-00001", [part], i, 4)]
    for i, split in enumerate(("train", "validation"))
  }
  manifest.write_tfds(out, "toy", shards)
  manifest.write(out, {"name": "toy", "fingerprint": "f", "tokenizer": vocab.fingerprint,
                       "documents": 6, "bytes": 60, "shards": shards})  # fmt: skip
  return tmp_path / "out", vocab


def test_documents_come_by_their_keys_from_smallest_to_largest(folder):
  read = {split: [(p, t.tolist()) for p, t in Prepared(folder[0]).documents(split)]
          for split in ("train", "validation")}  # fmt: skip
  assert read["train"] == [("p4", [4, 7, 0]), ("p2", [2, 7, 0]), ("p0", [0, 7, 0])]
  assert [path for path, _ in read["validation"]] == ["p5", "p3", "p1"]


def test_a_published_corpus_may_be_a_prepared_folder(folder, monkeypatch, tmp_path):
  out, vocab = folder
  monkeypatch.setenv("CODEGEN_JAX_CACHE", str(tmp_path / "cache"))
  monkeypatch.setenv(published.variable("the_stack"), str(out))
  published._documents.cache_clear()
  source = sources.Source("the_stack", lambda: published.documents("the_stack"), vocab)
  store = source.reader("train")()
  end = vocab.eos_id
  assert store.paths == ("p4", "p2", "p0")
  assert np.array_equal(store.tokens[:], [4, 7, 0, end, 2, 7, 0, end, 0, 7, 0, end])


def test_another_tokenizer_is_refused(folder, monkeypatch, tmp_path):
  out, _ = folder
  monkeypatch.setenv("CODEGEN_JAX_CACHE", str(tmp_path / "cache"))
  other = make_tokenizer.train([TEXT], vocab_size=301, num_masks=4, out=tmp_path / "other.json")
  source = sources.Source("x", lambda: Prepared(out), vocabulary.ByteLevelBPE(other))
  with pytest.raises(InputError, match="prepared with another tokenizer"):
    source.reader("train")()


def test_a_shard_that_was_cut_and_a_folder_without_its_manifest_are_refused(folder):
  out, _ = folder
  shard = next(out.glob("toy-train*"))
  shard.write_bytes(shard.read_bytes()[:-10])
  with pytest.raises(InputError, match="is not what was written"):
    list(Prepared(out).documents("train"))
  (out / "manifest.json").write_text(json.dumps({"name": "toy"}))
  with pytest.raises(InputError, match="has finished"):
    list(Prepared(out).documents("train"))
