"""Steps executed, by programs that only write down what they were asked."""

import pytest

from codegen_jax.errors import InputError
from experiments.launching import execute
from tests.experiments.launching import requests


@pytest.fixture
def programs(tmp_path, monkeypatch):
  def use(fail=None):
    for name, value in requests.recorders(tmp_path, fail).items():
      monkeypatch.setenv(name, value)
    return lambda: [" ".join(words[:3]) for words in requests.recorded(tmp_path)]

  return use


def test_all_is_made_and_run_and_deleted_last(tmp_path, programs):
  ran = programs()
  assert execute.run(requests.plan("gke-xpk", tmp_path), tmp_path / "out") == 0
  xpk = [line for line in ran() if line.startswith("xpk")]
  assert xpk[:2] == ["xpk cluster create", "xpk storage attach"]
  assert xpk.count("xpk workload create") == 2  # one of them is the preflight's dry run
  assert xpk[-2:] == ["xpk storage detach", "xpk cluster delete"]
  assert xpk.count("xpk workload delete") == 1 and "xpk inspector" not in " ".join(xpk)


@pytest.mark.parametrize("target", ["gke-xpk", "jobset", "tpu-vm", "slurm"])
def test_delete_is_told_and_not_done_when_a_start_fails(target, tmp_path, programs, capsys):
  starts = {
    "gke-xpk": "xpk workload create",
    "jobset": "kubectl apply --filename=a-name.yaml",
    "tpu-vm": "gcloud compute tpus tpu-vm ssh",
    "slurm": "sbatch a-name.sbatch",
  }
  ran = programs({starts[target]: 42})
  assert execute.run(requests.plan(target, tmp_path), tmp_path / "out") == 42
  assert not any("delete" in line or "scancel" in line for line in ran())
  said = capsys.readouterr().err
  assert "what was made is still there" in said
  deletes = {
    "gke-xpk": "xpk cluster delete",
    "jobset": "gcloud container clusters delete",
    "tpu-vm": "tpu-vm delete",
    "slurm": "scancel",
  }
  assert deletes[target] in said.rpartition("is still there")[2]


def test_a_missing_tool_is_a_sentence_before_anything_is_run(tmp_path, monkeypatch):
  monkeypatch.setenv("PATH", str(tmp_path))
  with pytest.raises(
    InputError, match=r"runs xpk, gcloud, docker, git, which this machine does not"
  ):
    execute.run(requests.plan("gke-xpk", tmp_path), tmp_path / "out")
  assert not (tmp_path / "out").exists()
