"""Several processes train as one does: real processes, over loopback."""

from collections.abc import Sequence
import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
STEPS = 6


def free_port() -> int:
  with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    return probe.getsockname()[1]


def train(workdir: pathlib.Path, processes: Sequence[tuple[list[str], dict[str, str]]]) -> None:
  """Starts one process for each pair of flags and variables, and waits for all of them."""
  environment = {k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "JAX_PLATFORMS")}
  started = [
    subprocess.Popen(
      [sys.executable, "-m", "codegen_jax.main", "train", f"--workdir={workdir}"]
      + ["--gin_file=tests/gin/toy.gin", f"--gin.TOTAL_STEPS={STEPS}", *flags],
      cwd=ROOT,
      env=environment | {"JAX_PLATFORMS": "cpu"} | variables,
      stdout=subprocess.PIPE,
      stderr=subprocess.STDOUT,
      text=True,
    )
    for flags, variables in processes
  ]
  try:
    for process in started:
      said, _ = process.communicate(timeout=500)
      assert process.returncode == 0, said
  finally:
    for process in started:
      process.kill()


def losses(workdir: pathlib.Path) -> list[float]:
  rows = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
  assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
  return [row["train/loss"] for row in rows]


def devices(number: int) -> dict[str, str]:
  return {"JAX_NUM_CPU_DEVICES": str(number)}


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> list[float]:
  workdir = tmp_path_factory.mktemp("alone")
  train(workdir, [([], devices(4))])
  return losses(workdir)


@pytest.mark.slow
def test_two_processes_by_slurm_s_variables(alone, tmp_path):
  slurm = {
    "SLURM_JOB_ID": str(free_port()),  # which decides the port
    "SLURM_STEP_NODELIST": "127.0.0.1",
    "SLURM_NTASKS": "2",
    "SLURM_STEP_NUM_NODES": "1",
  }
  train(
    tmp_path,
    [([], devices(2) | slurm | {"SLURM_PROCID": i, "SLURM_LOCALID": i}) for i in ("0", "1")],
  )
  np.testing.assert_allclose(losses(tmp_path), alone, rtol=1e-6)
