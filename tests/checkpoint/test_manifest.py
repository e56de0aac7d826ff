"""No file of a checkpoint may change, go or come apart unseen."""

import pathlib
import shutil
import subprocess

from hypothesis import given
from hypothesis import strategies as st
import pytest

from codegen_jax.checkpoint import manifest

FILES = {"params/a": b"0123456789" * 50, "params/d/b": b"", "data/metadata": b"{}"}


@pytest.fixture(scope="module")
def step(tmp_path_factory) -> pathlib.Path:
  folder = tmp_path_factory.mktemp("step")
  for name, content in {**FILES, "commit_success.txt": b"later"}.items():
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
  manifest.write(folder)
  return folder


def test_all_is_well_after_writing_and_after_the_commit(step):
  assert manifest.faults(step) == []
  (step / "commit_success.txt").write_bytes(b"rewritten")
  assert manifest.faults(step) == []


def test_sha256sum_agrees(step):
  subprocess.run(["sha256sum", "--check", "--strict", manifest.NAME], cwd=step, check=True)


@given(place=st.integers(0, 10**6), bit=st.integers(0, 7), data=st.data())
def test_one_bit_of_any_file_is_seen(step, place, bit, data):
  name = data.draw(st.sampled_from(["params/a", "data/metadata"]))
  path = step / name
  before = path.read_bytes()
  content = bytearray(before)
  content[place % len(content)] ^= 1 << bit
  path.write_bytes(content)
  try:
    assert manifest.faults(step) == [f"{path} is not what was written"]
  finally:
    path.write_bytes(before)


def test_a_missing_and_a_cut_file_are_named(step, tmp_path):
  copy = shutil.copytree(step, tmp_path / "7")
  (copy / "params/d/b").unlink()
  (copy / "params/a").write_bytes(FILES["params/a"][:-1])
  assert manifest.faults(copy) == [
    f"{copy}/params/a is not what was written",
    f"{copy}/params/d/b is missing",
  ]


def test_a_manifest_that_is_cut_or_gone_is_a_fault(step, tmp_path):
  copy = shutil.copytree(step, tmp_path / "7")
  lines = (copy / manifest.NAME).read_text().splitlines(keepends=True)
  for content in ("".join(lines[:-1]), "".join(lines)[:-30], "", lines[0], "\0" * 100):
    (copy / manifest.NAME).write_text(content)
    assert manifest.faults(copy) != [], content
  (copy / manifest.NAME).unlink()
  assert "cannot be read (No such file or directory)" in manifest.faults(copy)[0]


def test_processes_share_the_work(step, tmp_path):
  copy = shutil.copytree(step, tmp_path / "7")
  for name in FILES:
    (copy / name).write_bytes(b"other")
  parts = [manifest.faults(copy, part=part, of=2) for part in range(2)]
  assert sorted(parts[0] + parts[1]) == manifest.faults(copy) and all(parts)


def test_an_empty_step_is_no_checkpoint(tmp_path):
  with pytest.raises(RuntimeError, match="holds no file"):
    manifest.write(tmp_path)
