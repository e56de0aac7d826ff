"""What a host is asked before it trains, and what it says when it is not fit."""

import pathlib
import socket
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

from experiments import experiment, preflight
from tests.environment import ENVIRONMENT


def test_this_machine_has_the_versions_of_the_lock():
  assert not [*preflight.versions(preflight.LOCK)]


def test_another_version_than_the_lock_s_is_a_sentence(tmp_path):
  lock = tmp_path / "requirements.lock"
  lock.write_text(preflight.LOCK.read_text().replace(f"jax=={jax.__version__}", "jax==0.0.1"))
  (sentence,) = preflight.versions(lock)
  assert f"jax is {jax.__version__}" in sentence and "requirements.lock has 0.0.1" in sentence


def test_another_number_of_devices_is_a_sentence():
  assert not [*preflight.devices(8)] and not [*preflight.devices(0)]
  (sentence,) = preflight.devices(128)
  assert "there are 8 devices (cpu) in 1 processes" in sentence and "128" in sentence


def test_a_sum_over_all_devices_that_is_wrong_is_a_sentence(monkeypatch):
  assert not [*preflight.total(60)]
  right = jnp.sum
  monkeypatch.setattr(jnp, "sum", lambda numbers: right(numbers) - 8)  # one is left out
  (sentence,) = preflight.total(60)
  assert "the sum of 1 to 8 over all devices is 28 and not 36" in sentence


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path):
  assert not [*preflight.folder(tmp_path / "runs")] and not [*(tmp_path / "runs").iterdir()]
  (tmp_path / "file").touch()
  first, *_ = preflight.folder(tmp_path / "file")
  assert "cannot be written" in first


def processes(*runs: pathlib.Path, flags: tuple[str, ...] = ()) -> list[tuple[int, str]]:
  """Exit code and words of a process for each folder."""
  with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    address = f"127.0.0.1:{probe.getsockname()[1]}"
  command = [sys.executable, "-m", "experiments.preflight", *flags]
  command += [f"--coordinator={address}", f"--num_processes={len(runs)}"]
  started = [
    subprocess.Popen(
      [*command, f"--process_id={i}", f"--runs={folder}"], cwd=experiment.ROOT, env=ENVIRONMENT,
      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    for i, folder in enumerate(runs)
  ]  # fmt: skip
  try:
    said = [process.communicate(timeout=120)[0] for process in started]
    return [(process.returncode, one) for process, one in zip(started, said, strict=True)]
  finally:
    for process in started:
      process.kill()


def test_hosts_that_are_well_say_so_in_one_line(tmp_path):
  first, second = processes(tmp_path, tmp_path, flags=("--devices=2",))
  assert first[0] == second[0] == 0
  assert "2 processes, 2 devices" in first[1] and first[1].count("all is well") == 1
  assert "all is well" not in second[1] and not [*tmp_path.iterdir()]


def test_folders_that_hosts_do_not_share_end_both_with_2_and_name_the_host(tmp_path):
  (tmp_path / "a").mkdir()
  for code, said in processes(tmp_path / "a", tmp_path / "b"):
    assert code == 2
    assert f"experiments.preflight: {socket.gethostname()}: what process" in said
    assert "one folder that every host sees" in said


def test_one_host_that_fails_ends_the_others_and_they_say_why(tmp_path):
  (tmp_path / "file").touch()
  (tmp_path / "folder").mkdir()
  codes, said = zip(*processes(tmp_path / "folder", tmp_path / "file"), strict=True)
  assert codes == (2, 2)
  assert "cannot be written" in said[1] and "Traceback" not in "".join(said)


def test_a_sum_that_does_not_come_back_ends_with_2():
  code = (
    "import time; from experiments import preflight;"
    " preflight.distributed.meet = lambda place: time.sleep(60);"
    " print(*preflight.total(0.5))"
  )
  ended = subprocess.run(
    [sys.executable, "-c", code], cwd=experiment.ROOT, env=ENVIRONMENT, capture_output=True,
    text=True, timeout=60,
  )  # fmt: skip
  assert ended.returncode == 2 and "did not come back" in ended.stderr


@pytest.mark.parametrize("package", preflight.PACKAGES)
def test_the_lock_has_every_package_that_is_asked_for(package):
  assert f"\n{package}==" in preflight.LOCK.read_text()
