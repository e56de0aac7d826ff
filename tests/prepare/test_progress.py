"""How far a stage is, by the files that are there."""

import time

import pytest

from codegen_jax.prepare import progress, storage


@pytest.fixture
def files(tmp_path, monkeypatch):
  monkeypatch.setattr(progress, "LOOK", 0.01)
  return [storage.Path(tmp_path) / "tally" / f"{number}.json" for number in range(4)]


def write(file) -> None:
  storage.write_json(file, {})
  time.sleep(0.2)


def test_it_counts_files_until_all_are_there(files, capsys):
  with progress.told("read", files):
    for file in files[:2]:
      write(file)
    storage.write_json(files[0].parent / "other.json", {})  # nobody waits for this one
  said = capsys.readouterr().err.splitlines()
  assert said[0].startswith("read  1/4  0:0") and said[-1] == "read  4/4  0:00 left"


def test_what_is_over_at_once_says_nothing(files, capsys):
  with progress.told("read", files):
    pass
  assert not capsys.readouterr().err


def test_an_error_is_not_hidden_and_nothing_is_said_to_be_done(files, capsys):
  with pytest.raises(OSError, match="full"), progress.told("read", files):
    write(files[0])
    raise OSError("full")
  assert "4/4" not in capsys.readouterr().err
