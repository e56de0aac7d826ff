"""The corpus of functions: the same on every machine, a split of its own, modules of Python."""

import ast
import hashlib
import pathlib
import shutil

import pytest

from codegen_jax.data.microeval import documents, functions
from codegen_jax.data.microeval.documents import MicroCorpus
from codegen_jax.errors import InputError

SPLITS = ("train", "validation")


@pytest.fixture(scope="module")
def few() -> MicroCorpus:
  return MicroCorpus(train=8, validation=4)


def test_the_text_is_that_of_every_machine(few):
  # Another number is another corpus: results before and after it do not compare.
  text = "".join(document.path + document.text for split in SPLITS for document in few.split(split))
  assert hashlib.sha256(text.encode()).hexdigest()[:16] == "6726358911e01b59"


def test_the_fingerprint_changes_with_the_code_and_the_sizes(few, monkeypatch, tmp_path):
  assert MicroCorpus(train=8, validation=4).fingerprint == few.fingerprint
  assert MicroCorpus(train=9, validation=4).fingerprint != few.fingerprint
  package = pathlib.Path(documents.__file__).parent
  shutil.copytree(package, tmp_path / "microeval")
  monkeypatch.setattr(documents, "__file__", str(tmp_path / "microeval" / "documents.py"))
  assert MicroCorpus(train=8, validation=4).fingerprint == few.fingerprint
  with (tmp_path / "microeval" / "cases.py").open("a") as file:
    file.write("# another word\n")
  assert MicroCorpus(train=8, validation=4).fingerprint != few.fingerprint


@pytest.mark.parametrize("split", SPLITS)
def test_a_document_is_a_module_whose_functions_have_names_of_their_own(few, split):
  for document in few.split(split):
    tree = ast.parse(document.text)
    assert all(isinstance(one, ast.FunctionDef) and ast.get_docstring(one) for one in tree.body)
    names = [one.name for one in tree.body]
    assert len({*names}) == len(names) and 3 <= len(names) <= 6


@pytest.mark.parametrize("split", SPLITS)
def test_a_document_begins_with_functions_of_its_split(few, split):
  for number, document in enumerate(few.split(split)):
    assert document.path == f"micro/{split}/{number:05}.py"
    verb = document.text.removeprefix("def ").split("_")[0]
    assert document.text.startswith(functions.function(split, number * 6, verbs=(verb,)).text)


def test_the_record_counts_both_splits(few):
  record = few.record()
  assert (record["files"], record["held_out_files"]) == (12, 4)


def test_no_text_comes_twice(few):
  texts = [document.text for split in SPLITS for document in few.split(split)]
  assert len({*texts}) == len(texts)


@pytest.mark.parametrize("split", SPLITS)
def test_a_module_may_be_one_function(split):
  single = MicroCorpus(train=9, validation=9, fewest=1, most=1, name="single")
  for number, document in enumerate(single.split(split)):
    assert document.path == f"single/{split}/{number:05}.py"
    assert len(ast.parse(document.text).body) == 1


@pytest.mark.parametrize(("fewest", "most"), [(0, 1), (3, 2), (1, 17)])
def test_a_module_has_as_many_functions_as_there_are_names(fewest, most):
  with pytest.raises(InputError, match=f"of {fewest} to {most} functions cannot be made"):
    MicroCorpus(fewest=fewest, most=most)
