"""Documents are tokenised once, and never read back under another text or tokenizer."""

import re

import pytest

from codegen_jax.data import vocabulary
from codegen_jax.data.corpus import Corpus, Document
from tasks import sources
from tasks.sources import Source

TEXTS = {f"{i}.py": f"def f{i}(x):\n  return x + {i}  # é!\n" for i in range(60)}


def corpus(texts=TEXTS) -> Corpus:
  documents = [Document(path, text) for path, text in texts.items()]
  return Corpus.build("own", documents, description="for tests")


class CountingVocabulary(vocabulary.ByteLevelBPE):
  encoded = 0

  def encode_batch(self, texts):
    self.encoded += len(texts)
    return super().encode_batch(texts)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
  """By size: the file of a tokenizer that knows that many ids."""
  folder = tmp_path_factory.mktemp("tokenizers")

  def of(size: int):
    file = folder / f"{size}.json"
    if not file.exists():
      vocabulary.train(TEXTS.values(), vocab_size=size, out=file, num_masks=0)
    return file

  return of


@pytest.fixture
def source(tmp_path, monkeypatch, tokenizer):
  """Makes sources that share nothing but their name and the cache."""
  monkeypatch.setenv("CODEGEN_JAX_CACHE", str(tmp_path / "cache"))

  def make(texts=TEXTS, *, size: int = 270) -> Source:
    return Source("own", lambda: corpus(texts), CountingVocabulary(tokenizer(size)))

  return make


def folders() -> set[str]:
  return {folder.name for folder in (sources.cache_folder() / "tokens").iterdir()}


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_store_holds_the_documents_of_its_split_word_for_word(source, split):
  own = source()
  store = own.reader(split)()
  documents = corpus().split(split)
  assert store.paths == tuple(document.path for document in documents)
  for document, start, stop in zip(documents, store.offsets, store.offsets[1:], strict=False):
    *tokens, end = store.tokens[start:stop].tolist()
    assert own.vocabulary.decode(tokens) == document.text
    assert end == own.vocabulary.eos_id


def test_the_second_run_reads_what_the_first_one_tokenised(source, capsys):
  first, second = source(), source()
  kept = first.reader("train")().folder / "tokens.npy"
  written = kept.stat().st_mtime_ns
  assert first.vocabulary.encoded == len(corpus().split("train"))
  assert capsys.readouterr().err.startswith("tokenising own/train: ")

  again = second.reader("train")()
  assert again.folder == kept.parent and kept.stat().st_mtime_ns == written
  assert second.vocabulary.encoded == 0
  assert capsys.readouterr().err == ""


def test_long_work_says_how_far_it_is(source, monkeypatch, capsys):
  monkeypatch.setattr(sources, "BATCH", 400)
  monkeypatch.setattr(sources, "SECONDS", 0)
  own = source()
  store = own.reader("train")()
  *on_the_way, last, end = capsys.readouterr().err.splitlines()
  told = corpus().split("train")
  assert len(on_the_way) > 3 and last.split(",")[:2] == end.split(",")[:2]
  size = sum(len(document.text.encode()) for document in told) / 1e6
  assert re.fullmatch(
    rf"tokenising own/train: {len(told)} documents, {size:.1f} MB, \d+\.\d MB/s", end
  )
  counts = [int(line.split()[2]) for line in on_the_way]
  assert counts == sorted(set(counts)) and 0 < counts[0] < len(told)
  monkeypatch.undo()
  ids = own.vocabulary.encode_batch([document.text for document in told])
  assert store.tokens[:].tolist() == [i for text in ids for i in (*text.tolist(), store.eos_id)]


def test_progress_counts_bytes_and_not_characters(source, capsys):
  long = [Document("a", "é" * 500_000)]
  list(sources.tokenised(long, source().vocabulary, label="own/train"))
  assert capsys.readouterr().err.startswith("tokenising own/train: 1 documents, 1.0 MB, ")


class Streamed:
  """A corpus that can be read once, and counts while it is."""

  fingerprint = "abc"
  counts: dict = {}  # noqa: RUF012

  def split(self, name):
    yield from corpus().split(name)
    self.counts = {"files": 60}

  def record(self):
    return {"version": "1", **self.counts}


def test_what_a_corpus_counted_while_it_was_read_is_told_by_later_runs_too(source):
  def own() -> Source:
    return Source("own", Streamed, source().vocabulary)

  tokenizer = {"tokenizer": source().vocabulary.fingerprint}
  assert own().record() == {"version": "1", **tokenizer}
  own().reader("validation")()
  assert own().record() == {"version": "1", "files": 60, **tokenizer}


def test_a_reader_opens_its_store_once(source):
  read = source().reader("train")
  assert read() is read()


def test_other_text_another_tokenizer_and_another_split_lie_elsewhere(source):
  source().reader("train")()
  assert len(folders()) == 1
  path = corpus().split("train")[0].path
  changed = source(TEXTS | {path: "changed = True\n"})
  others = [(source(), "validation"), (changed, "train"), (source(size=271), "train")]
  for number, (other, split) in enumerate(others, start=2):
    assert other.reader(split)().num_documents == other.vocabulary.encoded
    assert len(folders()) == number
  tokens, _ = changed.reader("train")().slice(0, 40)
  assert changed.vocabulary.decode(tokens.tolist()).startswith("changed = True\n")


def test_nothing_is_read_before_it_is_asked_for(tmp_path):
  def never():
    raise AssertionError("the corpus was read")

  source = Source("own", never, vocabulary.ByteLevelBPE(tmp_path / "no_such_tokenizer.json"))
  for split in source.splits:
    source.reader(split)


def test_a_record_tells_the_text_and_the_tokenizer(source):
  record = source().record()
  assert record["fingerprint"] == corpus().fingerprint and record["held_out_files"] > 0
  assert record["tokenizer"] == source().vocabulary.fingerprint
  assert record["tokenizer"] != source(size=271).record()["tokenizer"]


def test_the_cache_is_below_runs_unless_the_environment_names_another(tmp_path, monkeypatch):
  monkeypatch.delenv("CODEGEN_JAX_CACHE", raising=False)
  assert sources.cache_folder() == sources.ROOT / "runs" / "cache"
  monkeypatch.setenv("CODEGEN_JAX_CACHE", str(tmp_path))
  assert sources.cache_folder() == tmp_path
