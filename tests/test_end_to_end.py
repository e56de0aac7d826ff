"""The command line as a user drives it, in processes of its own."""

import json
import pathlib
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from tests.environment import ENVIRONMENT

ROOT = pathlib.Path(__file__).resolve().parents[1]
GIN = "--gin_file=tests/gin/toy.gin"
STEPS = 300  # long enough to be stopped in


def start(command: str, workdir: pathlib.Path, *flags: str) -> subprocess.Popen:
  call = [sys.executable, "-m", "codegen_jax.main", command, GIN, f"--workdir={workdir}", *flags]
  return subprocess.Popen(
    call, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
  )


def finish(process: subprocess.Popen) -> tuple[int, str, str]:
  out, err = process.communicate(timeout=300)
  return process.returncode, out, err


def rows(workdir: pathlib.Path) -> list[dict]:
  path = workdir / "metrics.jsonl"
  lines = path.read_text().splitlines(keepends=True) if path.exists() else []
  return [json.loads(line) for line in lines if line.endswith("\n")]


def stop_after(process: subprocess.Popen, workdir: pathlib.Path, step: int, how: int) -> None:
  deadline = time.monotonic() + 240
  while not (seen := rows(workdir)) or seen[-1]["step"] < step:
    assert process.poll() is None, finish(process)
    assert time.monotonic() < deadline, "the run makes no progress"
    time.sleep(0.01)
  process.send_signal(how)


def numbers(workdir: pathlib.Path) -> list[dict]:
  """What a run computed, without how fast."""
  return [
    {k: v for k, v in row.items() if not k.startswith("throughput/")} for row in rows(workdir)
  ]


def state(workdir: pathlib.Path) -> list[bytes]:
  """Every array of the last checkpoint, moments included."""
  with ocp.StandardCheckpointer() as reader:
    folder = workdir.absolute() / "checkpoints" / str(STEPS)
    items = (folder / item for item in ("params", "opt_state"))
    return [np.asarray(leaf).tobytes() for item in items for leaf in jax.tree.leaves(reader.restore(item))]  # fmt: skip  # noqa: E501


@pytest.mark.slow
def test_a_run_that_is_interrupted_and_preempted_ends_with_the_same_bits(tmp_path):
  whole, broken, steps = tmp_path / "whole", tmp_path / "broken", f"--gin.TOTAL_STEPS={STEPS}"
  straight = start("train", whole, steps)
  for step, how, expected in [(60, signal.SIGINT, 130), (120, signal.SIGTERM, 75)]:
    process = start("train", broken, steps)
    stop_after(process, broken, step, how)
    code, _, err = finish(process)
    assert code == expected, err
    assert "Traceback" not in err
  code, _, err = finish(start("train", broken, steps))
  assert code == 0, err
  assert "continues from step" in err
  assert finish(straight)[0] == 0

  assert [row["step"] for row in rows(broken)] == list(range(1, STEPS + 1))
  assert numbers(broken) == numbers(whole)
  assert state(broken) == state(whole)


@pytest.mark.slow
def test_train_then_evaluate_is_quiet_and_prints_what_it_measured(tmp_path):
  code, out, err = finish(start("train", tmp_path, "--gin.TOTAL_STEPS=3"))
  assert code == 0, err
  assert out == ""
  # The live lines and nothing else: no library's greeting, warning or log.
  assert err and all(line.startswith("train  ") for line in err.splitlines()), err
  code, out, err = finish(start("evaluate", tmp_path, "--gin.TOTAL_STEPS=3"))
  assert code == 0, err
  assert err == ""
  assert [line.split()[0] for line in out.splitlines()] == ["toy_code_clm", "toy_prose_clm"]


@pytest.mark.slow
def test_a_mistake_is_one_sentence_and_exit_code_2(tmp_path):
  code, out, err = finish(start("train", tmp_path / "new", "--gin.TOTAL_STEP=3"))
  assert (code, out) == (2, "")
  assert len(err.splitlines()) == 1
  assert "TOTAL_STEPS" in err
  assert not (tmp_path / "new").exists()
