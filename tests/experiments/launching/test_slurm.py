"""The batch script, executed: an srun that starts processes with Slurm's variables stands in."""

import pathlib
import socket

import pytest

from experiments.launching import show
from experiments.launching.request import Request
from tests.environment import ENVIRONMENT
from tests.experiments.launching import requests
from tests.experiments.launching.requests import HARD

# As srun's documentation has them; it ends with the highest exit code of its tasks.
SRUN = """#!/bin/bash
while [[ "$1" == --* ]]; do shift; done
for ((i = 0; i < SLURM_NTASKS; i++)); do
  SLURM_PROCID=$i SLURM_LOCALID=$i SLURM_STEP_NODELIST=127.0.0.1 SLURM_STEP_NUM_NODES=1 "$@" &
  tasks[i]=$!
done
highest=0
for task in "${tasks[@]}"; do
  code=0
  wait "$task" || code=$?
  if ((code > highest)); then highest=$code; fi
done
exit "$highest"
"""
SCONTROL = '#!/bin/sh\necho "scontrol $*"\n'


def free_job() -> str:
  """A job's number decides on the port of its coordinator."""
  for job in range(1, 100):
    with socket.socket() as probe:
      if probe.connect_ex(("127.0.0.1", job % 4096 + 65535 - 4095)):
        return str(job)
  raise AssertionError("no port is free")


@pytest.fixture
def job(tmp_path, monkeypatch) -> pathlib.Path:
  train = Request.training
  monkeypatch.setattr(
    Request, "training",
    lambda self, runs, python="python": tuple(
      word.replace("experiments.run", "tests.experiments.launching.slurm_task")
      for word in train(self, runs, python)
    ),
  )  # fmt: skip
  show.write(requests.plan("slurm", tmp_path, devices=2, restarts=1), tmp_path)
  (tmp_path / "all runs").mkdir()
  requests.add_program(tmp_path / "bin", "srun", SRUN)
  requests.add_program(tmp_path / "bin", "scontrol", SCONTROL)
  return tmp_path / "a-name.sbatch"


def variables(folder: pathlib.Path, **other: str) -> dict[str, str]:
  own = {"PATH": f"{folder / 'bin'}:{ENVIRONMENT['PATH']}", "JAX_NUM_CPU_DEVICES": "1"}
  own |= {"SLURM_JOB_ID": free_job(), "SLURM_NTASKS": "2"}
  return {**ENVIRONMENT, **own, **other}


@pytest.mark.slow
def test_tasks_join_by_slurm_s_variables(job, tmp_path):
  ended = requests.bash(job, variables(tmp_path))
  assert ended.returncode == 0, ended
  assert "2 processes, 2 devices" in ended.stdout  # the preflight's line
  for i in range(2):
    assert (tmp_path / "all runs" / f"told_{i}").read_text() == f"{i} of 2, {HARD}"


@pytest.mark.parametrize(
  ("code", "restarted", "requeued"),
  [
    (0, 0, False),
    (75, 0, True),
    (75, 1, False),  # restarts are at an end
    (137, 0, True),
    (2, 0, False),
    (3, 0, False),
    (130, 0, False),
  ],
)
def test_75_is_requeued_and_2_is_not(code, restarted, requeued, job, tmp_path):
  ends = f'#!/bin/bash\n[[ "$*" == *preflight* ]] || exit {code}\n'
  requests.add_program(tmp_path / "bin", "srun", ends)
  ended = requests.bash(job, variables(tmp_path, SLURM_RESTART_COUNT=str(restarted)))
  assert ended.returncode == code
  assert ("scontrol requeue " in ended.stdout) == requeued


def test_a_preflight_that_fails_is_not_requeued_and_nothing_trains(job, tmp_path):
  ended = requests.bash(job, variables(tmp_path, JAX_NUM_CPU_DEVICES="3"))
  assert ended.returncode == 2 and "requeue" not in ended.stdout
  assert "there are 6 devices" in ended.stderr
  assert not [*(tmp_path / "all runs").iterdir()]


def test_flags_of_sbatch_stand_before_the_first_command(tmp_path):
  plan = requests.plan("slurm", tmp_path, sbatch=("--partition=tpu", "--nodes=2"))
  (job,) = plan.step("create").files
  lines = job.text.splitlines()
  directives = [line for line in lines if line.startswith("#SBATCH ")]
  assert lines[1 : 1 + len(directives)] == directives
  told = {line.removeprefix("#SBATCH ") for line in directives}
  assert {"--requeue", "--signal=TERM@120", "--ntasks=2", "--partition=tpu", "--nodes=2"} <= told


@pytest.mark.parametrize(("state", "code"), [("COMPLETED", 0), ("FAILED", 1)])
def test_watching_ends_with_the_job_s_own_verdict(state, code, tmp_path):
  show.write(requests.plan("slurm", tmp_path), tmp_path)
  requests.add_program(tmp_path / "bin", "sleep", "#!/bin/sh\n")
  squeue = '#!/bin/sh\nif [ -e "$0.asked" ]; then exit 0; fi\ntouch "$0.asked"\necho RUNNING\n'
  requests.add_program(tmp_path / "bin", "squeue", squeue)
  requests.add_program(tmp_path / "bin", "sacct", f"#!/bin/sh\necho {state} 0:0\n")
  ended = requests.bash(tmp_path / "watch.sh", {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"})
  assert ended.returncode == code and "RUNNING" in ended.stdout and state in ended.stdout
