import ast
import importlib.metadata
from pathlib import PurePosixPath
import socket

import pytest

from codegen_jax.errors import InputError
from tasks import embedded


@pytest.fixture(autouse=True)
def no_folders_of_ones_own(monkeypatch):
  monkeypatch.delenv(embedded.CODE_VARIABLE, raising=False)
  monkeypatch.delenv(embedded.PROSE_VARIABLE, raising=False)


def assert_sound(corpus):
  train = {d.text for d in corpus.split("train")}
  held_out = {d.text for d in corpus.split("validation")}
  assert train and held_out and not train & held_out
  assert len(train | held_out) == len(corpus.documents)


def test_code_is_the_standard_library_and_parses():
  corpus = embedded.code()
  assert_sound(corpus)
  assert {"json/decoder.py", "argparse.py"} <= {d.path for d in corpus.documents}
  assert 5e6 < corpus.record()["bytes"] < 20e6
  for document in corpus.documents[::20]:
    ast.parse(document.text)


def test_code_has_no_tests_tables_or_generated_files():
  for document in embedded.code().documents:
    path = PurePosixPath(document.path)
    unwanted = {"test", "tests", "idle_test", "site-packages", "encodings", "pydoc_data"}
    assert not unwanted & set(path.parts)
    assert "_sysconfigdata" not in document.path and not path.parts[0].startswith("config-")


@pytest.mark.slow
def test_prose_is_sound_and_no_package_outweighs_the_rest():
  corpus = embedded.prose()
  assert_sound(corpus)
  assert 5e6 < corpus.record()["bytes"] < 15e6
  shares = dict.fromkeys(embedded.DISTRIBUTIONS, 0) | {"pydoc_data": 0}
  for document in corpus.documents:
    shares[document.path.split("/")[0]] += len(document.text.encode())
  assert min(shares.values()) > 0
  assert max(shares.values()) < corpus.record()["bytes"] / 4


@pytest.mark.slow
def test_building_twice_gives_the_same_without_network(monkeypatch):
  def refuse(*args, **kwargs):
    raise AssertionError("the embedded corpora use the network")

  first = embedded.code(), embedded.prose()
  embedded._code.cache_clear()
  embedded._prose.cache_clear()
  monkeypatch.setattr(socket.socket, "connect", refuse)
  second = embedded.code(), embedded.prose()
  assert second[0] is not first[0] and second == first
  assert [c.fingerprint for c in second] == [c.fingerprint for c in first]
  assert embedded.prose() is second[1]


@pytest.mark.slow
def test_prose_names_every_version():
  version = embedded.prose().version
  assert version.startswith("CPython 3.")
  assert f"; numpy {importlib.metadata.version('numpy')};" in version


def test_folders_of_ones_own_replace_both(tmp_path, monkeypatch):
  for i in range(100):
    (tmp_path / f"{i}.py").write_text(f"x = {i}")
    (tmp_path / f"{i}.md").write_text(f"No. {i}")
  monkeypatch.setenv(embedded.CODE_VARIABLE, str(tmp_path))
  monkeypatch.setenv(embedded.PROSE_VARIABLE, str(tmp_path))
  code, prose = embedded.code(), embedded.prose()
  assert {d.path for d in code.documents} == {f"{i}.py" for i in range(100)}
  assert {d.path for d in prose.documents} == {f"{i}.md" for i in range(100)}
  assert code.version == prose.version == f"folder {tmp_path.name}"
  monkeypatch.delenv(embedded.CODE_VARIABLE)
  assert embedded.code().version != code.version


def test_a_wrong_folder_names_its_variable(tmp_path, monkeypatch):
  monkeypatch.setenv(embedded.CODE_VARIABLE, str(tmp_path / "missing"))
  with pytest.raises(InputError, match=r"CODEGEN_JAX_CODE=.*does not exist"):
    embedded.code()


def test_a_package_that_is_missing_is_named():
  with pytest.raises(InputError, match="no-such-package is not installed; run `pip install"):
    embedded._distribution("no-such-package")
