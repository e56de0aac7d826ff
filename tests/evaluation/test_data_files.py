"""A file that is missing or is not what it should be is a sentence that says what to do."""

import gzip
import hashlib
import json

import pytest

from codegen_jax.errors import InputError
from codegen_jax.evaluation import data_files
from codegen_jax.evaluation.data_files import DataFile
from tests.evaluation.benchmark_files import FILES, needs

FILE = DataFile("some/rows.jsonl", "0" * 64, "https://example.org/rows")


def test_a_file_is_looked_for_in_the_folder_that_a_variable_names(tmp_path, monkeypatch):
  monkeypatch.delenv(data_files.VARIABLE, raising=False)
  with pytest.raises(InputError, match=r"CODEGEN_JAX_BENCHMARKS is not set; .*example\.org"):
    FILE.find()
  monkeypatch.setenv(data_files.VARIABLE, str(tmp_path))
  with pytest.raises(InputError, match=r"there is no .*some/rows.jsonl; get it from https"):
    FILE.find()
  path = tmp_path / FILE.path
  path.parent.mkdir()
  path.write_text("{}")
  assert FILE.find() == path
  assert data_files.digest(path) == hashlib.sha256(b"{}").hexdigest()


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
def test_every_line_is_read_whatever_text_it_holds(name, tmp_path):
  rows = [{"text": "a\u2028b\x85"}, {"text": "é"}]
  text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n\n"
  path = tmp_path / name
  path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
  assert data_files.read_jsonl(path) == rows


@pytest.mark.parametrize(
  ("name", "content"),
  [
    ("a.jsonl", b"{"),
    ("a.jsonl", b"\xff"),
    ("a.jsonl.gz", b"{}"),
    ("a.jsonl.gz", gzip.compress(b"{}", mtime=0)[:-4]),
    ("a.jsonl.gz", gzip.compress(b"{", mtime=0)),
  ],
)
def test_what_is_not_what_its_name_says_is_a_sentence(name, content, tmp_path):
  (tmp_path / name).write_bytes(content)
  with pytest.raises(InputError, match=r"a\.jsonl.* cannot be read .* get it anew"):
    data_files.read_jsonl(tmp_path / name)


@pytest.mark.parametrize("name", FILES)
def test_files_at_hand_are_those_that_were_published(name):
  folder = needs(name)
  for file in FILES[name]:
    assert data_files.digest(folder / file.path) == file.sha256
