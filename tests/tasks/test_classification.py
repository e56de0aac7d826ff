"""Tasks of texts with labels, and the file of docs/finetuning.md that makes one."""

import importlib.util
import json
import pathlib
import re

import pytest
import seqio

from codegen_jax.data.pipeline import DataConfig, Reader
from codegen_jax.errors import InputError
from tasks import classification, local, pairs

ROOT = pathlib.Path(__file__).resolve().parents[2]
FORMS = ("answer", "hidden_answer", "prompted_answer")


def lines(rows) -> str:
  return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def benchmarks(tmp_path, monkeypatch):
  monkeypatch.setenv("CODEGEN_JAX_BENCHMARKS", str(tmp_path))
  monkeypatch.setenv("CODEGEN_JAX_CACHE", str(tmp_path / "cache"))
  return tmp_path


def test_every_collection_has_its_forms():
  names = seqio.TaskRegistry.names()
  for collection in classification.COLLECTIONS:
    for form in FORMS:
      assert f"{collection}_{form}" in names


def test_boolq_is_a_passage_a_question_and_its_answer(benchmarks):
  folder = benchmarks / "superglue/BoolQ"
  folder.mkdir(parents=True)
  row = {"passage": "A is B.", "question": "is a b", "label": True}
  (folder / "train.jsonl").write_text(lines([row, {**row, "label": "false"}]))
  (folder / "val.jsonl").write_text(lines([row]))
  (pair,) = classification.boolq.__wrapped__().split("validation")
  assert pair.text + pair.question + pair.answer == "A is B.\nQuestion: is a b?\nAnswer: yes"
  assert classification.boolq.__wrapped__().record()["train"]["answers"] == {"yes": 1, "no": 1}


def test_functions_without_a_file_to_train_on_are_split(benchmarks):
  (benchmarks / "codexglue_defect").mkdir()
  rows = [{"func": f"int f{n}()\n\n{{\n\n}}", "target": n % 2} for n in range(100)]
  (benchmarks / "codexglue_defect/test.jsonl").write_text(lines(rows))
  made = classification.defect.__wrapped__()
  assert len(made.split("train")) + len(made.split("validation")) == 100
  assert re.fullmatch(r"int f\d+\(\)\n{\n}", made.split("train")[0].text)


def test_a_folder_that_nobody_named_is_a_sentence(monkeypatch):
  monkeypatch.delenv("CODEGEN_JAX_BENCHMARKS", raising=False)
  with pytest.raises(InputError, match="superglue/BoolQ is needed; set CODEGEN_JAX_BENCHMARKS"):
    classification.boolq.__wrapped__().split("train")


@pytest.fixture
def reviews(tmp_path, monkeypatch):
  """The file of the document, imported where there are some reviews; its tasks go afterwards."""
  document = (ROOT / "docs" / "finetuning.md").read_text()
  (file,) = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
  assert len(file.splitlines()) < 20
  (tmp_path / "sentiment.py").write_text(file)
  (tmp_path / "reviews").mkdir()
  for name, count in {"train": 30, "validation": 6}.items():
    rows = [
      {"text": f"number {n} " * (n + 1), "label": ["neg", "pos"][n % 2]} for n in range(count)
    ]
    (tmp_path / "reviews" / f"{name}.jsonl").write_text(lines(rows))
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(pairs.sources, "cache_folder", lambda: tmp_path / "cache")
  spec = importlib.util.spec_from_file_location("sentiment", tmp_path / "sentiment.py")
  tokenizer = local.tokenizer_file()  # in the cache that everyone shares
  monkeypatch.setattr(local.VOCABULARY, "_file", tokenizer)
  spec.loader.exec_module(importlib.util.module_from_spec(spec))
  yield
  for form in FORMS:
    seqio.TaskRegistry.remove(f"reviews_{form}")


@pytest.mark.parametrize("form", FORMS)
def test_the_file_of_the_document_makes_tasks_of_each_form(reviews, form):
  reader = Reader(DataConfig(f"reviews_{form}", seq_len=256, batch_size=1))
  assert reader.labels == (" bad", " good")
  v, seen = reader.vocabulary, 0
  for number in range(reader.num_rows):
    example = reader.inspect(number).example
    for segment in range(1, example.segment_ids.max() + 1):
      here = example.segment_ids == segment
      asked = example.tokens if form != "hidden_answer" else example.answers
      said = v.decode(asked[here & example.loss_mask].tolist()).removesuffix("<|endoftext|>")
      text = v.decode(example.tokens[here].tolist())
      count = int(re.search(r"number (\d+)", text)[1])
      wanted = [" bad", " good"][count % 2]
      if form == "hidden_answer":  # which asks for one token
        wanted = v.decode(v.encode(wanted)[:1])
      assert said == wanted and "\nIt is" in text
      assert len(reader.prompt_ids) == (20 if form == "prompted_answer" else 0)
      seen += 1
  assert seen == 30
