"""Documentation found in modules, and found again in the cache."""

import pytest

from tasks import docstrings
from tasks.docstrings import Document

SHARED, OWN = "shared" * 40, "own" * 80


@pytest.fixture
def modules(tmp_path, monkeypatch):
  monkeypatch.setenv("CODEGEN_JAX_CACHE", str(tmp_path / "cache"))
  (tmp_path / "a.py").write_text(f'"""{SHARED}"""')
  (tmp_path / "b.py").write_text(f'"""{OWN}"""\ndef f():\n  """{SHARED}"""')
  (tmp_path / "c.py").write_text('"""Too short."""')
  (tmp_path / "d.py").write_text(f'"""Licensed under the terms {OWN}"""')
  return [(name, tmp_path / f"{name}.py") for name in "dcba"]


def test_a_docstring_of_two_modules_goes_to_the_first_by_path(modules):
  assert docstrings.documents(modules) == [Document("a", SHARED + "\n"), Document("b", OWN + "\n")]


def kept(tmp_path):
  return sorted((tmp_path / "cache" / "docstrings").iterdir())


def test_modules_are_read_as_python_does_once(modules, tmp_path, monkeypatch):
  found = docstrings.documents(modules)
  monkeypatch.setattr(docstrings, "of_module", None)
  assert docstrings.documents(modules) == found
  assert len(kept(tmp_path)) == 1


def test_a_module_that_changes_is_read_again(modules, tmp_path):
  docstrings.documents(modules)
  (tmp_path / "c.py").write_text(f'"""{OWN} and more"""')
  assert docstrings.documents(modules)[2] == Document("c", f"{OWN} and more\n")
  assert len(kept(tmp_path)) == 2


@pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b.replace(b"own", b"oWn", 1)])
def test_what_is_damaged_is_found_anew(modules, tmp_path, damage):
  found = docstrings.documents(modules)
  (file,) = kept(tmp_path)
  whole = file.read_bytes()
  file.write_bytes(damage(whole))
  assert docstrings.documents(modules) == found
  assert file.read_bytes() == whole


def test_a_cache_that_cannot_be_written_costs_time_alone(modules, tmp_path):
  (tmp_path / "cache").write_text("a file where a folder should be")
  assert len(docstrings.documents(modules)) == 2


def test_docstrings_come_whole_in_the_order_of_the_source():
  source = '''"""Module."""
class A:
  """Class."""
  if True:
    def f(self):
      """First line.

      Second line."""
      lambda: 0
  try: pass
  except ValueError:
    async def g(): "short"
x = """not a docstring"""
'''
  assert docstrings.of_module(source.encode()) == [
    "Module.",
    "Class.",
    "First line.\n\nSecond line.",
    "short",
  ]
  assert docstrings.of_module(b"{{ template }} :") == []
