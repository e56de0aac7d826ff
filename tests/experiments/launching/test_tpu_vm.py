"""TPU VMs: each host starts again by itself, and a slice that is taken away is made anew."""

import os
import pathlib
import subprocess

import pytest

from experiments import experiment
from experiments.launching import code, show
from tests.experiments.launching import requests
from tests.experiments.launching.requests import HARD

# Ends as the next word of the file `codes` says; preflights are well.
PYTHON = """#!/bin/bash
echo "$2 $HARD" >> "$HOME/ran"
[ "$2" = experiments.run ] || exit 0
read -r code < "$HOME/codes"
sed -i 1d "$HOME/codes"
exit "$code"
"""
NO_SLEEP = "#!/bin/sh\n"


def host(tmp_path: pathlib.Path, codes: list[int], restarts: int) -> tuple[int, list[str]]:
  """host.sh on a machine whose runs end so: its exit code, and what it ran."""
  show.write(requests.plan("tpu-vm", tmp_path, restarts=restarts), tmp_path)
  requests.add_program(tmp_path / "bin", "sleep", NO_SLEEP)
  (tmp_path / code.FOLDER / ".venv").mkdir(parents=True)
  requests.add_program(tmp_path / code.FOLDER / ".venv" / "bin", "python", PYTHON)
  (tmp_path / "codes").write_text("".join(f"{one}\n" for one in codes))
  variables = {"HOME": str(tmp_path), "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
  ended = requests.bash(tmp_path / "host.sh", variables)
  assert (tmp_path / "a-name.ended").read_text().strip() == str(ended.returncode)
  return ended.returncode, (tmp_path / "ran").read_text().splitlines()


@pytest.mark.parametrize(
  ("codes", "ended", "runs"),
  [
    ([0], 0, 1),
    ([75, 75, 0], 0, 3),
    ([137, 0], 0, 2),
    ([2, 0], 2, 1),
    ([75, 3, 0], 3, 2),
    ([130, 0], 130, 1),
    ([75, 75, 75, 75, 0], 75, 4),  # restarts are at an end
  ],
  ids=str,
)
def test_a_host_starts_again_after_75_and_not_after_2(codes, ended, runs, tmp_path):
  code, ran = host(tmp_path, codes, restarts=3)
  assert code == ended
  assert ran == [f"experiments.preflight {HARD}", f"experiments.run {HARD}"] * runs


# States in order; READY twice, and then the runs have ended.
GCLOUD = """#!/bin/bash
echo "$3 $4" >> "$HOME/asked"
# There is no slice for the first who asks.
if [ "$4" = create ] && [ ! -e "$HOME/full" ]; then touch "$HOME/full"; exit 1; fi
case "$*" in
  *describe*) read -r state < "$HOME/states"; sed -i 1d "$HOME/states"; echo "$state" ;;
  *ended*) [ "$(wc -l < "$HOME/states")" -gt 0 ] || echo "$CODE" ;;
  *tail*) echo "step 5" ;;
esac
"""


@pytest.mark.parametrize("code", [0, 2])
def test_watching_makes_a_slice_anew_that_was_taken_away_and_ends_with_the_runs(code, tmp_path):
  show.write(requests.plan("tpu-vm", tmp_path), tmp_path)
  requests.add_program(tmp_path / "bin", "gcloud", GCLOUD)
  requests.add_program(tmp_path / "bin", "sleep", NO_SLEEP)
  (tmp_path / "states").write_text("READY\nPREEMPTED\nCREATING\nREADY\n")
  variables = {"HOME": str(tmp_path), "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
  ended = subprocess.run(
    ["bash", "watch.sh"], cwd=tmp_path, env=variables | {"CODE": str(code)}, capture_output=True,
    text=True, timeout=30,
  )  # fmt: skip
  assert ended.returncode == code, ended.stderr
  asked = (tmp_path / "asked").read_text().splitlines()
  at = asked.index("tpu-vm delete")
  verbs = ("delete", "create", "delete", "create", "scp", "ssh", "ssh")
  assert asked[at : at + 7] == [f"tpu-vm {verb}" for verb in verbs]
  assert asked.count("tpu-vm create") == 2 and "made anew, 2 of 50" in ended.stdout
  assert "step 5" in ended.stdout and f"exit code {code}" in ended.stdout


def test_a_queued_slice_is_waited_for_and_given_back(tmp_path):
  plan = requests.plan("tpu-vm", tmp_path, queued=True, spot=True)
  show.write(plan, tmp_path)
  machines = (tmp_path / "machines.sh").read_text()
  assert "queued-resources create a-name" in " ".join(machines.replace("\\\n", " ").split())
  assert "--spot" in machines and "= ACTIVE" in machines
  (delete,) = plan.step("delete").commands
  assert "queued-resources" in delete.line and "--force" in delete.line


def test_hosts_get_the_commit_and_still_know_which_it_is(tmp_path):
  ask = ["git", "-C", str(experiment.ROOT), "rev-parse", "HEAD"]
  commit = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
  request = requests.request(tmp_path, commit=commit)
  lines = [code.bundle(request, str(experiment.ROOT)).line, *code.unpack(request)]
  subprocess.run(["bash", "-ec", "\n".join(lines)], cwd=tmp_path, check=True, env=dict(os.environ))
  there = tmp_path / code.FOLDER
  assert (there / "experiments" / "run.py").is_file()
  ask[2] = str(there)
  assert subprocess.run(ask, capture_output=True, text=True).stdout.strip() == commit
