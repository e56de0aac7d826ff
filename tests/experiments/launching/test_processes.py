"""Processes of one machine: told where to meet, and started again together."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

from codegen_jax.checkpoint.steps import steps
from experiments import experiment
from experiments.launching import processes
from tests.environment import ENVIRONMENT

# Ends as the file of its process says for this start.
ENDS = """
import os, pathlib, signal, sys, time
told = dict(flag.lstrip("-").split("=") for flag in sys.argv[2:])
codes = pathlib.Path(sys.argv[1], told["process_id"])
first, *rest = codes.read_text().split()
codes.write_text(" ".join(rest))
pathlib.Path(sys.argv[1], "told").open("a").write(f"{told['process_id']} {told['coordinator']}\\n")
if first == "hangs":
  signal.signal(signal.SIGTERM, signal.SIG_IGN)
  time.sleep(60)
if int(first) < 0:
  os.kill(os.getpid(), -int(first))
sys.exit(int(first))
"""


def run(folder: pathlib.Path, *codes: str, restarts: int = 2) -> tuple[int, list[list[str]]]:
  """The exit code, and (process, coordinator) of all that were started."""
  for i, own in enumerate(codes):
    (folder / str(i)).write_text(own)
  ended = processes.run(["-c", ENDS, str(folder)], processes=len(codes), restarts=restarts)
  return ended, [line.split() for line in (folder / "told").read_text().splitlines()]


@pytest.mark.parametrize(
  ("codes", "ended", "starts"),
  [
    (("0", "0"), 0, 1),
    (("75 0", "75 0"), 0, 2),
    (("75 75 0", "75 0 0"), 0, 3),  # one of them is enough
    (("-9 0", "134 0"), 0, 2),
    (("2 0", "2 0"), 2, 1),
    (("134 0", "2 0"), 2, 1),  # JAX aborts what waits for one that is gone
    (("75 3 0", "75 3 0"), 3, 2),
    (("75 75 75 0", "75 75 75 0"), 75, 3),  # restarts are at an end
  ],
  ids=str,
)
def test_all_start_again_after_75_and_none_after_2(codes, ended, starts, tmp_path):
  code, told = run(tmp_path, *codes)
  assert code == ended
  assert sorted(process for process, _ in told) == ["0"] * starts + ["1"] * starts
  meetings = [{where for _, where in told[i : i + 2]} for i in range(0, len(told), 2)]
  assert all(len(one) == 1 for one in meetings)


def test_one_that_hangs_when_another_has_failed_is_killed(tmp_path, monkeypatch):
  monkeypatch.setattr(processes, "PATIENCE", 0.5)
  assert run(tmp_path, "2", "hangs")[0] == 2


def test_lines_say_which_process_said_them(tmp_path, capfd):
  processes.run(["-c", "print('here')"], processes=2, restarts=0)
  assert sorted(capfd.readouterr().out.splitlines()) == ["[0] here", "[1] here"]


@pytest.mark.slow
def test_a_training_of_two_processes_that_is_pre_empted_goes_on_to_its_end(tmp_path):
  command = [sys.executable, "-m", "experiments.launching.processes", "--processes=2", "--"]
  command += ["-m", "codegen_jax.main", "train", f"--workdir={tmp_path / 'run'}"]
  command += ["--gin_file=tests/gin/toy.gin", "--gin.TOTAL_STEPS=200"]
  log = tmp_path / "log"
  with log.open("w") as said:
    started = subprocess.Popen(
      command, cwd=experiment.ROOT, env=ENVIRONMENT, stdout=said, stderr=subprocess.STDOUT
    )
  try:
    while not (tmp_path / "run" / "config.json").exists():
      assert started.poll() is None, log.read_text()
      time.sleep(0.1)
    # Until the first step is done it is only noted; then all processes save and end with 75.
    (number,) = re.findall(r"processes: process 1 is (\d+)", log.read_text())
    os.kill(int(number), signal.SIGTERM)
    assert started.wait(timeout=300) == 0, log.read_text()
  finally:
    started.terminate()
  text = log.read_text()
  assert "exit code 75: start 1 of 50 again" in text
  (saved,) = {*re.findall(r"preempted; step (\d+) is saved", text)}
  assert 0 < int(saved) < 200 and f"continues from step {saved}" in text
  rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
  assert [row["step"] for row in rows] == [*range(1, 201)]
  assert max(steps(tmp_path / "run" / "checkpoints")) == 200
