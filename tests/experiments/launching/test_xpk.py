"""xpk's command lines."""

import re

from codegen_jax.plan import topology
from experiments.launching import show, xpk
from experiments.launching.plan import NAMES
from tests.experiments.launching import requests

# `workload create` restarts on 42 and 127 to 255, and on those of --restart-on-exit-codes.
BY_ITSELF = {42, *range(127, 256)}


def start(tmp_path, **other) -> list[str]:
  scripts = show.write(requests.plan("gke-xpk", tmp_path, **other), tmp_path / "out")
  ended = requests.bash(scripts[NAMES.index("start")], requests.recorders(tmp_path))
  assert ended.returncode == 0, ended.stderr
  return requests.recorded(tmp_path)[-1]


def test_a_workload_restarts_after_75_and_not_after_2(tmp_path):
  words = start(tmp_path, restarts=7)
  assert "--max-restarts=7" in words  # xpk's own default is none
  (codes,) = [w.partition("=")[2] for w in words if w.startswith("--restart-on-exit-codes=")]
  again = {*map(int, codes.split(","))} | BY_ITSELF
  assert {75, 137, 143} <= again and not {1, 2, 3} & again


def test_a_pod_is_given_the_signal_itself_and_time_to_save(tmp_path):
  words = start(tmp_path)
  (line,) = [w for w in words if w.startswith("--command=")]
  assert re.search(r"&& exec python -m experiments\.run ", line)
  assert "--termination-grace-period-seconds=600" in words


def test_v5e_has_the_name_that_google_sells_it_by(tmp_path):
  assert "--tpu-type=v4-256" in start(tmp_path)
  assert "--tpu-type=v5litepod-64" in start(tmp_path, topology=topology.parse("v5e-64"))


def test_steps_speak_of_one_cluster_and_one_workload(tmp_path):
  plan = xpk.plan(requests.request(tmp_path))
  lines = [c.line for step in plan.steps for c in step.commands if c.line.startswith("xpk ")]
  assert len(lines) > 8 and all("--cluster=a-name" in line for line in lines)
  verbs = [" ".join(line.split()[:3]) for line in lines]
  assert verbs[0] == "xpk cluster create" and verbs[-1] == "xpk cluster delete"
