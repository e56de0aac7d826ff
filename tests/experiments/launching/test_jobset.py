"""The JobSet: a pod for each host, and which ends start it again."""

import pytest

from codegen_jax.plan import topology
from codegen_jax.supervise import starts_again
from experiments.launching import jobset
from tests.experiments.launching import requests


def fate(manifest: dict, code: int) -> str:
  """What Kubernetes and JobSet do when a pod ends so, by their documentation."""
  job = manifest["spec"]["replicatedJobs"][0]["template"]["spec"]
  (container,) = job["template"]["spec"]["containers"]
  assert job["backoffLimit"] == 0 and job["template"]["spec"]["restartPolicy"] == "Never"
  reason = "BackoffLimitExceeded"
  for rule in job["podFailurePolicy"]["rules"]:
    on = rule["onExitCodes"]
    assert on["containerName"] == container["name"]
    if (code in on["values"]) == (on["operator"] == "In"):
      assert rule["action"] == "FailJob"
      reason = "PodFailurePolicy"
      break
  for rule in manifest["spec"]["failurePolicy"]["rules"]:
    if reason in rule["onJobFailureReasons"]:
      return rule["action"]
  return "RestartJobSet"


@pytest.mark.parametrize("code", [1, 2, 3, 75, 130, 134, 137, 139, 143])
def test_a_jobset_restarts_after_the_exit_codes_that_supervise_does(code, tmp_path):
  manifest = jobset.manifest(requests.request(tmp_path))
  wanted = "RestartJobSet" if starts_again(code) else "FailJobSet"
  assert fate(manifest, code) == wanted
  assert starts_again(75) and not starts_again(2)
  assert manifest["spec"]["failurePolicy"]["maxRestarts"] == 50


@pytest.mark.parametrize(
  ("name", "pods", "chips", "labels"),
  [
    ("v4-256", 32, 4, ("tpu-v4-podslice", "4x4x8")),
    ("v5e-64", 16, 4, ("tpu-v5-lite-podslice", "8x8")),
    ("v5p-8", 1, 4, ("tpu-v5p-slice", "2x2x1")),
    ("v6e-1", 1, 1, ("tpu-v6e-slice", "1x1")),
  ],
)
def test_each_host_of_a_slice_is_a_pod_with_all_of_its_chips(name, pods, chips, labels, tmp_path):
  where = topology.parse(name)
  manifest = jobset.manifest(requests.request(tmp_path, topology=where))
  job = manifest["spec"]["replicatedJobs"][0]["template"]["spec"]
  assert job["parallelism"] == job["completions"] == pods and pods * chips == where.chips
  pod = job["template"]["spec"]
  assert tuple(pod["nodeSelector"].values()) == labels
  assert pod["containers"][0]["resources"]["limits"] == {"google.com/tpu": chips}
  assert job["completionMode"] == "Indexed" and manifest["spec"]["network"]["enableDNSHostnames"]


def test_pods_see_the_bucket_as_a_folder_that_is_never_remembered(tmp_path):
  job = jobset.manifest(requests.request(tmp_path))["spec"]["replicatedJobs"][0]
  pod = job["template"]["spec"]["template"]
  assert pod["metadata"]["annotations"] == {"gke-gcsfuse/volumes": "true"}
  (volume,) = pod["spec"]["volumes"]
  (mount,) = pod["spec"]["containers"][0]["volumeMounts"]
  assert volume["name"] == mount["name"] and mount["mountPath"] == "/runs"
  assert volume["csi"]["volumeAttributes"]["bucketName"] == "my-bucket"
  assert "metadata-cache:ttl-secs:0" in volume["csi"]["volumeAttributes"]["mountOptions"]


def test_spot_pods_ask_for_spot_nodes_alone(tmp_path):
  job = jobset.manifest(requests.request(tmp_path, spot=True))["spec"]["replicatedJobs"][0]
  selector = job["template"]["spec"]["template"]["spec"]["nodeSelector"]
  assert selector["cloud.google.com/gke-spot"] == "true"


def test_watching_ends_with_the_jobset_and_with_its_verdict(tmp_path):
  from experiments.launching import show

  show.write(requests.plan("jobset", tmp_path), tmp_path)
  for state, code in (("Completed", 0), ("Failed", 1)):
    text = f'#!/bin/sh\ncase "$*" in *terminalState*) echo {state} ;; *) echo 3 ;; esac\n'
    requests.add_program(tmp_path / "bin", "kubectl", text)
    ended = requests.bash(tmp_path / "watch.sh", {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"})
    assert ended.returncode == code and f"{state}, restarted 3 times" in ended.stdout
