"""A disk that is full: a sentence, and the checkpoint before is as it was."""

from collections.abc import Iterator
import pathlib
import subprocess
import sys

import pytest

from codegen_jax.checkpoint import manifest
from codegen_jax.checkpoint.steps import steps

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def small_disk(tmp_path) -> Iterator[pathlib.Path]:
  command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(tmp_path)]
  if subprocess.run(command, capture_output=True).returncode:
    pytest.skip("no small disk can be mounted here, which needs root")
  yield tmp_path
  subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


@pytest.mark.slow
def test_a_full_disk_leaves_the_checkpoint_before_it_intact(small_disk):
  command = [sys.executable, "-m", "codegen_jax.main", "train", f"--workdir={small_disk}/run"]
  command += ["--gin_file=tests/gin/toy.gin", "--gin.TOTAL_STEPS=200", "--gin.CHECKPOINT_EVERY=10"]
  command += ["--gin.train_config.TrainConfig.keep_checkpoints=100"]
  said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
  checkpoints = small_disk / "run" / "checkpoints"
  kept = steps(checkpoints)
  assert said.returncode == 2 and kept, said.stderr
  # tensorstore's threads may print what they did not get done.
  assert f"step {kept[-1]} is intact: make room" in said.stderr
  assert "codegen_jax/training" not in said.stderr
  assert [manifest.faults(checkpoints / str(step)) for step in kept] == [[]] * len(kept)
