"""A run is started again while that helps."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from codegen_jax import supervise
from codegen_jax.errors import InputError

# Saves a step each time and ends as it is told: an exit code, or a signal if it is negative.
CHILD = """
import os, pathlib, sys
workdir = pathlib.Path(sys.argv[1].split("=", 1)[1])
count = workdir / "count"
number = int(count.read_text()) if count.exists() else 0
count.write_text(str(number + 1))
code, saves = eval(sys.argv[2])[number]
if saves:
  (workdir / "checkpoints" / str(number + 1)).mkdir(parents=True)
os.kill(os.getpid(), -code) if code < 0 else sys.exit(code)
"""


def supervised(tmp_path, endings, restarts=2) -> tuple[int, int]:
  """The supervisor's exit code, and how often it started the run."""
  flags = [f"--restarts={restarts}", "--", f"--workdir={tmp_path}", str(endings)]
  code = supervise.run(flags, (sys.executable, "-c", CHILD))
  return code, int((tmp_path / "count").read_text())


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
  monkeypatch.setattr(supervise, "LONGEST_PAUSE", 0.0)


@pytest.mark.parametrize("code", [0, 1, 2, 3, 130])
def test_an_end_of_its_own_is_the_end(tmp_path, code):
  assert supervised(tmp_path, [(code, True)]) == (code, 1)


def test_a_preempted_or_killed_run_goes_on(tmp_path):
  assert supervised(tmp_path, [(75, True), (-9, True), (137, True), (0, True)]) == (0, 4)


def test_it_gives_up_after_so_many_restarts_without_progress(tmp_path, capfd):
  assert supervised(tmp_path, [(75, False)] * 9) == (75, 3)
  assert "got no further than step 0; given up" in capfd.readouterr().err


def test_progress_makes_the_count_begin_again(tmp_path):
  ends = [(75, False), (75, False), (75, True), (75, False), (75, False), (0, False)]
  assert supervised(tmp_path, ends) == (0, 6)


def test_nothing_to_run_is_a_sentence():
  for line in ([], ["train"], ["--restarts=2"]):
    with pytest.raises(InputError, match="needs what to run, with its --workdir"):
      supervise.run(line)


def test_a_preemption_of_the_supervisor_is_passed_on_and_not_answered(tmp_path):
  child = textwrap.dedent("""
    import pathlib, signal, sys, time
    workdir = pathlib.Path(sys.argv[1].split("=", 1)[1])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
    (workdir / "up").touch()
    time.sleep(60)
  """)
  ask = "import sys; from codegen_jax import supervise;"
  ask += "sys.exit(supervise.run(['--', sys.argv[1]], (sys.executable, '-c', sys.argv[2])))"
  process = subprocess.Popen([sys.executable, "-c", ask, f"--workdir={tmp_path}", child])
  until = time.monotonic() + 60
  while not (tmp_path / "up").exists() and time.monotonic() < until:
    time.sleep(0.05)
  os.kill(process.pid, signal.SIGTERM)
  assert process.wait(timeout=60) == 75
