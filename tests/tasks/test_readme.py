"""tasks/README.md: its file runs as it stands there, and its tables name what there is."""

import importlib.util
import pathlib
import re

import pytest
import seqio

from codegen_jax.data.pipeline import DataConfig, Reader
from tasks import embedded, local, published, recipes

README = (pathlib.Path(recipes.__file__).parent / "README.md").read_text()
FILES = {f"{i}.py": f"def f{i}(x):\n  return x + {i}\n" * 20 for i in range(60)}


@pytest.fixture
def mine(tmp_path, monkeypatch):
  """The README's file, imported in a folder that has some code; its tasks are gone afterwards."""
  for variable in (embedded.CODE_VARIABLE, embedded.PROSE_VARIABLE):
    monkeypatch.delenv(variable, raising=False)
  (file,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
  assert len(file.splitlines()) < 20
  (tmp_path / "mine.py").write_text(file)
  (tmp_path / "my_code").mkdir()
  for path, text in FILES.items():
    (tmp_path / "my_code" / path).write_text(text)
  monkeypatch.chdir(tmp_path)
  registries = seqio.TaskRegistry, seqio.MixtureRegistry
  before = [{*registry.names()} for registry in registries]
  spec = importlib.util.spec_from_file_location("mine", tmp_path / "mine.py")
  spec.loader.exec_module(importlib.util.module_from_spec(spec))
  yield
  for registry, known in zip(registries, before, strict=True):
    for name in {*registry.names()} - known:
      registry.remove(name)


@pytest.mark.slow
def test_the_file_of_the_readme_runs_and_its_mixture_has_rows(mine):
  reader = Reader(DataConfig("mine_and_prose", seq_len=128, batch_size=1))
  fim = local.VOCABULARY.special_id("<fim_middle>")
  read = {"mine_infill": 0, "local_prose_clm": 0}
  infilled = 0
  for index in range(60):
    row = reader.inspect(index)
    read[row.task] += row.num_read
    infilled += fim in row.batch.inputs
    if row.task == "mine_infill":
      assert {*row.paths} <= FILES.keys()
  assert abs(read["mine_infill"] / sum(read.values()) - 0.7) < 0.02
  assert infilled > 30
  assert Reader(DataConfig("mine_codegen2", seq_len=128, batch_size=1)).row(0).segment_ids.any()


def rows_of_the_table(heading: str) -> list[list[str]]:
  """The cells of each row, without the back quotes; those of the heading are left out."""
  section = README.split(f"## {heading}\n")[1].split("\n##")[0]
  lines = [line for line in section.splitlines() if line.startswith("| `")]
  return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_names_every_recipe():
  named = [name for name, *_ in rows_of_the_table("Recipes")]
  every = [*recipes.recipes(local.VOCABULARY), *recipes.DOCUMENT_LEVEL]
  assert sorted(named) == sorted(every)
  for name in named:
    assert f"local_code_{name}" in seqio.TaskRegistry.names()


def test_the_table_names_every_corpus_with_its_variable_and_its_field():
  assert rows_of_the_table("The published corpora") == [
    [corpus, published.variable(corpus), field] for corpus, (field, _) in published.CORPORA.items()
  ]


def test_the_readme_makes_the_tokenizer_as_the_sentence_does(monkeypatch):
  monkeypatch.delenv("CODEGEN_JAX_TOKENIZER", raising=False)
  (command,) = re.findall(r"^python -c .*$", README, re.MULTILINE)
  with pytest.raises(ValueError, match=re.escape(command)):
    published.tokenizer_file()
