"""The published corpora by name, as folders of JSONL that variables name."""

import gzip
import json
import pathlib

import numpy as np
import pytest
import seqio

from codegen_jax.data import vocabulary
from codegen_jax.data.pipeline import DataConfig, Reader
from codegen_jax.errors import InputError
from tasks import published, recipes, sources

SHARED = pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "data"
L = 128
EVERY_RECIPE = [*recipes.recipes(published.VOCABULARY), *recipes.DOCUMENT_LEVEL]


def text(corpus: str, number: int) -> str:
  return "".join(f"def {corpus}_{number}_{i}(x):\n  return x + {i}  # é\n" for i in range(9))


def write(folder: pathlib.Path, corpus: str, *, field: str) -> pathlib.Path:
  """A thousand documents in two files, one of them packed."""
  folder.mkdir()
  lines = [
    json.dumps({field: text(corpus, i), "path": f"{i}.py", "id": i}) + "\n" for i in range(1000)
  ]
  (folder / "a.jsonl").write_text("".join(lines[:400]))
  (folder / "b.jsonl.gz").write_bytes(gzip.compress("".join(lines[400:]).encode()))
  return folder


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory) -> pathlib.Path:
  texts = [text(corpus, i) for corpus in published.CORPORA for i in range(20)]
  out = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
  return vocabulary.train(texts, vocab_size=576, out=out, num_masks=300)


@pytest.fixture(scope="module")
def brought(tmp_path_factory, tokenizer):
  """Every corpus, where its variable says: what a task has once read stays."""
  folder = tmp_path_factory.mktemp("published")
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv("CODEGEN_JAX_CACHE", str(folder / "cache"))
    patch.setenv("CODEGEN_JAX_TOKENIZER", str(tokenizer))
    for corpus in published.CORPORA:
      field = "text" if corpus == "the_pile" else "content"
      made = write(folder / corpus, corpus, field=field)
      patch.setenv(f"CODEGEN_JAX_{corpus.upper()}", str(made))
    yield


@pytest.fixture
def nothing_brought(monkeypatch):
  for corpus in published.CORPORA:
    monkeypatch.delenv(f"CODEGEN_JAX_{corpus.upper()}", raising=False)
  monkeypatch.delenv("CODEGEN_JAX_TOKENIZER", raising=False)


def reader(mixture: str, **changes) -> Reader:
  return Reader(DataConfig(mixture, seq_len=L, batch_size=1, **changes))


def said(ids: np.ndarray) -> str:
  return published.VOCABULARY.decode([i for i in ids.tolist() if i != published.VOCABULARY.eos_id])


@pytest.mark.parametrize("corpus", ["the_pile", "bigquery", "bigpython", "the_stack",
                                    "starcoderdata"])  # fmt: skip
def test_each_corpus_is_read_by_name(brought, corpus):
  made = reader(f"{corpus}_clm")
  for index in (0, 1, 2, made.num_rows):
    row = made.inspect(index)
    assert row.batch.inputs.max() < 576
    for segment, path in enumerate(row.paths, 1):
      here = said(row.batch.inputs[row.batch.segment_ids == segment])
      assert here.strip("�") in text(corpus, int(path.removesuffix(".py")))
  told = made.record()["corpora"][corpus]
  assert told["files"] == 1000 and 0 < told["held_out_files"] < 20
  assert told["tokenizer"] == published.VOCABULARY.fingerprint
  assert told["version"].startswith("2 files, 0.0")
  held_out = reader(f"{corpus}_clm", split="validation")
  assert held_out.record()["corpora"][corpus] == told
  paths = {path for _, paths in held_out.rows_in_order() for path in paths}
  assert len(paths) == told["held_out_files"]
  assert not paths & {*seqio.TaskRegistry.get(f"{corpus}_clm").source.store("train").paths}


@pytest.mark.parametrize("recipe", EVERY_RECIPE)
def test_every_recipe_reads_every_corpus(brought, recipe):
  for corpus in published.CORPORA:
    row = reader(f"{corpus}_{recipe}").row(1)
    assert row.segment_ids.any()


def test_lesson_4_reads_half_of_each_with_every_recipe(brought):
  for recipe in recipes.recipes(published.VOCABULARY):
    tasks = {f"the_pile_{recipe}": 0.5, f"the_stack_{recipe}": 0.5}
    assert reader(f"the_pile_and_the_stack_{recipe}").record()["tasks"] == tasks
  mixed = reader("the_pile_and_the_stack_clm")
  names = {said(mixed.row(index).inputs[0]).count("the_pile") > 0 for index in range(4)}
  assert names == {True, False}


def test_five_passes_end(brought):
  made = reader("starcoderdata_codegen2_epochs_5")
  made.check_has(5 * made.num_rows)
  with pytest.raises(InputError, match="starcoderdata_codegen2_epochs_5 ends after 5 passes"):
    made.check_has(5 * made.num_rows + 1)


# What was not brought.


def source(corpus: str) -> sources.Source:
  """One that has read nothing yet."""
  made = published.SOURCES[corpus]
  return sources.Source(
    corpus, made.corpus, vocabulary.ByteLevelBPE(published.tokenizer_file, rows=51_200)
  )


def test_a_task_is_there_before_its_corpus_is(nothing_brought):
  for corpus in published.CORPORA:
    assert f"{corpus}_codegen2" in seqio.TaskRegistry.names()
    source(corpus).reader("train")


@pytest.mark.parametrize("corpus", published.CORPORA)
def test_a_corpus_that_was_not_brought_is_told_with_its_variable(nothing_brought, corpus):
  field = "text" if corpus == "the_pile" else "content"
  expected = rf"set CODEGEN_JAX_{corpus.upper()} to a folder .* JSONL.* field '{field}'"
  with pytest.raises(InputError, match=expected):
    source(corpus).reader("train")()


def test_a_tokenizer_that_was_not_made_is_told_with_how_to_make_it(nothing_brought, tmp_path):
  with pytest.raises(InputError, match=r"set CODEGEN_JAX_TOKENIZER to a tokenizer\.json") as told:
    source("the_stack").vocabulary.encode("x")
  command = str(told.value).split('python -c "')[1].split('"')[0]
  if not (SHARED / "gpt2_bpe").is_dir():
    return
  for name in ("encoder.json", "vocab.bpe"):
    (tmp_path / name).symlink_to(SHARED / "gpt2_bpe" / name)
  with pytest.MonkeyPatch.context() as patch:
    patch.chdir(tmp_path)
    exec(command, {})
    patch.setenv("CODEGEN_JAX_TOKENIZER", str(tmp_path / "codegen2.json"))
    assert source("the_stack").vocabulary.special_id("<mask_1>") == 51_199


def test_a_folder_that_cannot_be_read_is_told_with_its_variable(nothing_brought, monkeypatch):
  monkeypatch.setenv("CODEGEN_JAX_THE_STACK", "/no/such/folder")
  with pytest.raises(InputError, match=r"^CODEGEN_JAX_THE_STACK=/no/such/folder: there is no fold"):
    source("the_stack").reader("train")()


def test_the_field_of_another_corpus_is_told_with_those_that_there_are(
  nothing_brought, monkeypatch, tmp_path, tokenizer
):
  monkeypatch.setenv("CODEGEN_JAX_CACHE", str(tmp_path / "cache"))
  monkeypatch.setenv("CODEGEN_JAX_TOKENIZER", str(tokenizer))
  made = write(tmp_path / "pile", "the_pile", field="text")
  monkeypatch.setenv("CODEGEN_JAX_THE_STACK", str(made))
  expected = r"101 of 101 .* no text 'content' but the fields text, path, id\)"
  with pytest.raises(InputError, match=expected):
    source("the_stack").reader("train")()
  assert not [*(tmp_path / "cache" / "tokens").iterdir()]


# Real text.


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="no JSONL of real text is beside the checkout")
@pytest.mark.parametrize(
  ("corpus", "file", "field"),
  [
    ("the_stack", "codexglue_defect/test.jsonl.gz", "func"),
    ("the_pile", "lambada/lambada_test.jsonl", "text"),
  ],
)
def test_real_text_comes_back_word_for_word(
  nothing_brought, monkeypatch, tmp_path, corpus, file, field
):
  opened = gzip.open if file.endswith(".gz") else open
  with opened(SHARED / file, "rt", encoding="utf-8") as lines:
    texts = [json.loads(line)[field] for line in lines]
  renamed = published.CORPORA[corpus][0]
  data = "".join(json.dumps({renamed: text}) + "\n" for text in texts).encode()
  (tmp_path / "0.jsonl.gz").write_bytes(gzip.compress(data))
  made = vocabulary.from_gpt2(
    *(SHARED / "gpt2_bpe" / name for name in ("encoder.json", "vocab.bpe")),
    layout="codegen2",
    out=tmp_path / "codegen2.json",
  )
  monkeypatch.setenv("CODEGEN_JAX_CACHE", str(tmp_path / "cache"))
  monkeypatch.setenv("CODEGEN_JAX_TOKENIZER", str(made))
  monkeypatch.setenv(published.variable(corpus), str(tmp_path / "0.jsonl.gz"))
  own = source(corpus)
  read = {}
  for split in own.splits:
    store = own.reader(split)()
    assert store.vocab_size == 51_200
    for number, path in enumerate(store.paths):
      *ids, end = store.tokens[store.offsets[number] : store.offsets[number + 1]].tolist()
      assert end == 50_256
      read[path] = own.vocabulary.decode(ids)
  assert read == {f"0.jsonl.gz:{i}": text for i, text in enumerate(texts, 1) if text.strip()}
  assert own.record()["files"] == len(read)
