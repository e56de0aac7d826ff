"""The newest step that can be believed; nothing is deleted."""

import pathlib

import pytest

from codegen_jax.checkpoint import manifest, quarantine
from codegen_jax.errors import InputError


def make(folder: pathlib.Path, *steps: int) -> None:
  for step in steps:
    (folder / str(step)).mkdir(parents=True)
    (folder / str(step) / "array").write_bytes(bytes(100 * step))
    manifest.write(folder / str(step))


def damage(folder: pathlib.Path, step: int) -> None:
  (folder / str(step) / "array").write_bytes(b"short")


def test_no_folder_and_no_step_are_a_new_run(tmp_path):
  assert quarantine.newest_good(tmp_path / "none") is None
  (tmp_path / "12.orbax-checkpoint-tmp").mkdir()
  assert quarantine.newest_good(tmp_path) is None


def test_damaged_steps_are_set_aside_until_one_is_good(tmp_path, capfd):
  make(tmp_path, 5, 10, 15, 100)
  damage(tmp_path, 100)
  (tmp_path / "15" / manifest.NAME).unlink()
  assert quarantine.newest_good(tmp_path) == 10
  assert quarantine.steps(tmp_path) == [5, 10]
  assert (tmp_path / ".quarantine/100/array").read_bytes() == b"short"
  assert (tmp_path / ".quarantine/15/array").stat().st_size == 1500
  said = capfd.readouterr().err
  assert f"{tmp_path}/100/array is not what was written" in said
  assert f"{tmp_path}/15/{manifest.NAME} cannot be read" in said


def test_the_same_step_is_set_aside_twice(tmp_path):
  make(tmp_path, 5)
  for _ in range(2):
    make(tmp_path, 10)
    damage(tmp_path, 10)
    assert quarantine.newest_good(tmp_path) == 5
  assert {path.name for path in (tmp_path / ".quarantine").iterdir()} == {"10", "10.1"}


def test_a_run_of_which_nothing_is_left_does_not_start_anew(tmp_path):
  make(tmp_path, 5)
  damage(tmp_path, 5)
  for _ in range(2):
    with pytest.raises(InputError, match=r"every checkpoint of .* delete that folder"):
      quarantine.newest_good(tmp_path)
