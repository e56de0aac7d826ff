"""The tasks of the embedded corpus, read by name."""

import numpy as np
import pytest
import seqio

from codegen_jax.data import vocabulary
from codegen_jax.data.objectives import PrefixSuffixMiddle
from codegen_jax.data.pipeline import DataConfig, Reader
from codegen_jax.errors import InputError
from codegen_jax.types import Batch
from tasks import embedded, local, recipes, sources

CORPORA = {"local_code": embedded.code, "local_prose": embedded.prose}
L = 256


@pytest.fixture(autouse=True)
def no_folders_of_ones_own(monkeypatch):
  monkeypatch.delenv(embedded.CODE_VARIABLE, raising=False)
  monkeypatch.delenv(embedded.PROSE_VARIABLE, raising=False)


def store(corpus: str, split: str):
  return seqio.TaskRegistry.get(f"{corpus}_clm").source.store(split)


def document(store, number: int) -> list[int]:
  return store.tokens[store.offsets[number] : store.offsets[number + 1]].tolist()


def reader(mixture: str, **changes) -> Reader:
  return Reader(DataConfig(mixture, seq_len=L, batch_size=1, **changes))


def segments(row: Batch) -> list[np.ndarray]:
  """The places of each document of a row."""
  ids = row.segment_ids[0]
  return [np.flatnonzero(ids == segment) for segment in range(1, ids.max() + 1)]


@pytest.mark.parametrize(("recipe", "objective"), recipes.recipes(local.VOCABULARY).items())
def test_each_corpus_has_a_task_of_each_recipe_and_a_mixture_of_both_halves(recipe, objective):
  for corpus in CORPORA:
    for name, epochs in ((recipe, None), (f"{recipe}_epochs_5", 5)):
      source = seqio.TaskRegistry.get(f"{corpus}_{name}").source
      assert (source.corpus, source.objective, source.epochs) == (corpus, objective, epochs)
      assert source.level == "context"
  mixture = seqio.MixtureRegistry.get(f"code_and_prose_{recipe}")
  rates = {task.name: mixture.get_rate(task) for task in mixture.tasks}
  assert rates == {f"{corpus}_{recipe}": 0.5 for corpus in CORPORA}


def test_infilling_comes_on_whole_documents_too():
  for corpus in CORPORA:
    source = seqio.TaskRegistry.get(f"{corpus}_psm_document").source
    assert (source.level, source.objective) == ("document", PrefixSuffixMiddle(local.VOCABULARY))


@pytest.mark.slow
def test_the_vocabulary_has_exactly_the_ids_that_the_models_have_rows_for():
  assert local.VOCABULARY.vocab_size == local.VOCAB_SIZE == 4096
  for corpus in CORPORA:
    for split in ("train", "validation"):
      tokens = store(corpus, split).tokens[:]
      assert tokens.max() < 4096
    # Learned from this text: most ids are in use, and a token is worth several bytes.
    assert len(np.unique(store(corpus, "train").tokens[:])) > 3000
    assert local.VOCABULARY.token_num_bytes()[tokens].mean() > 2.5


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize("corpus", CORPORA)
def test_documents_decode_to_the_source_text(corpus, split):
  documents = CORPORA[corpus]().split(split)
  tokens = store(corpus, split)
  assert tokens.paths == tuple(d.path for d in documents)
  for number in range(0, len(documents), len(documents) // 5):
    *ids, end = document(tokens, number)
    assert local.VOCABULARY.decode(ids) == documents[number].text
    assert end == local.VOCABULARY.eos_id and end not in ids


@pytest.mark.slow
@pytest.mark.parametrize("corpus", CORPORA)
def test_no_document_that_is_held_out_is_trained_on(corpus):
  train, held_out = store(corpus, "train"), store(corpus, "validation")
  assert not {*train.paths} & {*held_out.paths}
  texts = {tuple(document(train, number)) for number in range(train.num_documents)}
  assert len(texts) == train.num_documents
  assert not texts & {tuple(document(held_out, n)) for n in range(held_out.num_documents)}


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_row_decodes_to_a_stretch_of_the_documents_that_it_names(split):
  for corpus, read in CORPORA.items():
    texts = {d.path: d.text for d in read().documents}
    rows = list(reader(f"{corpus}_prefix_lm", split=split).rows_in_order(max_rows=10))
    for row, paths in rows:
      assert len(paths) == len(segments(row))
      for path, here in zip(paths, segments(row), strict=True):
        ids = row.inputs[0, here].tolist()
        said = local.VOCABULARY.decode([i for i in ids if i != local.VOCABULARY.eos_id])
        # A cut may fall inside a character, whose halves decode to replacements.
        assert said.strip("�") in texts[path]


@pytest.mark.slow
def test_both_arms_read_the_same_text_at_the_same_index():
  causal, prefix = reader("code_and_prose_clm", seed=1), reader("code_and_prose_prefix_lm", seed=1)
  for index in [*range(30), 10_000]:
    a, b = causal.row(index), prefix.row(index)
    for name in ("inputs", "targets", "segment_ids", "positions"):
      np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    assert not a.prefix_mask.any() and b.prefix_mask.any()
    assert not (b.loss_mask & ~a.loss_mask).any()


@pytest.mark.slow
def test_every_document_of_a_row_has_a_prefix_of_its_own():
  read = reader("code_and_prose_prefix_lm")
  rows = [row for row in map(read.row, range(200)) if row.segment_ids.max() > 1]
  assert len(rows) > 10
  for row in rows:
    for here in segments(row):
      opened = row.prefix_mask[0, here]
      assert opened[0] == (len(here) > 1)
      assert not np.any(opened[1:] & ~opened[:-1])  # once closed, it stays closed
      # Scored is what follows the prefix, its first token included, which the prefix predicts.
      expected = ~np.append(opened[1:], True) if len(here) > 1 else [False]
      np.testing.assert_array_equal(row.loss_mask[0, here], expected)


@pytest.mark.slow
def test_the_tokenizer_is_trained_once(monkeypatch):
  file = local.tokenizer_file()
  written = file.stat().st_mtime_ns
  monkeypatch.setattr(vocabulary, "train", None)
  assert local.tokenizer_file() == file and file.stat().st_mtime_ns == written


@pytest.mark.slow
def test_the_tokenizer_is_learned_from_the_training_split_alone(monkeypatch, tmp_path):
  monkeypatch.setenv("CODEGEN_JAX_CACHE", str(tmp_path))
  learned = []
  monkeypatch.setattr(vocabulary, "train", lambda texts, **_: learned.extend(texts))
  local.tokenizer_file()
  assert learned == [d.text for read in CORPORA.values() for d in read().split("train")]


# Folders of one's own, through sources of their own: what a task has once read stays.


def read_own(variable: str, folder, monkeypatch, tmp_path):
  monkeypatch.setenv("CODEGEN_JAX_CACHE", str(tmp_path / "cache"))
  monkeypatch.setenv(variable, str(folder))
  read = {embedded.CODE_VARIABLE: embedded.code, embedded.PROSE_VARIABLE: embedded.prose}[variable]
  return sources.Source("own", read, vocabulary.ByteLevelBPE(local.tokenizer_file)).reader(
    "train"
  )()


@pytest.mark.parametrize("variable", [embedded.CODE_VARIABLE, embedded.PROSE_VARIABLE])
def test_an_empty_folder_is_a_sentence(variable, tmp_path, monkeypatch):
  (tmp_path / "empty").mkdir()
  with pytest.raises(InputError, match=rf"^{variable}=.*empty: no file below .* matches \*\."):
    read_own(variable, tmp_path / "empty", monkeypatch, tmp_path)


def test_a_file_that_is_not_utf8_is_named_with_its_cure(tmp_path, monkeypatch):
  (tmp_path / "latin.py").write_bytes("# é".encode("latin-1"))
  said = rf"^{embedded.CODE_VARIABLE}=.*latin\.py is not UTF-8: byte 0xe9 at offset 2; convert it"
  with pytest.raises(InputError, match=said):
    read_own(embedded.CODE_VARIABLE, tmp_path, monkeypatch, tmp_path)


def test_too_little_text_for_the_vocabulary_is_a_sentence(tmp_path, monkeypatch):
  for number in range(60):
    (tmp_path / f"{number}.py").write_text(f"x = {number}\n")
    (tmp_path / f"{number}.md").write_text(f"No. {number}\n")
  monkeypatch.setenv(embedded.PROSE_VARIABLE, str(tmp_path))
  with pytest.raises(InputError, match="give more text or ask for"):
    read_own(embedded.CODE_VARIABLE, tmp_path, monkeypatch, tmp_path)
