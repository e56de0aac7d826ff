"""Several processes train as one does: real processes, over loopback."""

from collections.abc import Mapping, Sequence
import json
import pathlib
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from codegen_jax.checkpoint.steps import steps
from tests.environment import ENVIRONMENT

ROOT = pathlib.Path(__file__).resolve().parents[1]
STEPS = 6
ROWS = 8  # of a batch, as models/tiny.gin has it


def free_port() -> int:
  with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    return probe.getsockname()[1]


def start(command: Sequence[str], variables: Mapping[str, str]) -> subprocess.Popen:
  return subprocess.Popen(
    command,
    cwd=ROOT,
    env=ENVIRONMENT | variables,
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
  )


def finished(started: Sequence[subprocess.Popen]) -> list[str]:
  """What each process said, once all have ended well."""
  try:
    said = [process.communicate(timeout=500)[0] for process in started]
    assert [process.returncode for process in started] == [0] * len(started), "\n".join(said)
    return said
  finally:
    for process in started:
      process.kill()


def train(
  workdir: pathlib.Path,
  processes: Sequence[tuple[list[str], dict[str, str]]],
  module: str = "codegen_jax.main",
) -> list[str]:
  """Trains in one process for each pair of flags and variables; what each of them said."""
  command = [sys.executable, "-m", module, "train", f"--workdir={workdir}"]
  command += ["--gin_file=tests/gin/toy.gin", f"--gin.TOTAL_STEPS={STEPS}"]
  return finished([start([*command, *flags], variables) for flags, variables in processes])


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


@pytest.mark.slow
@pytest.mark.parametrize("slices", [1, 2])
def test_tpu_hosts_find_each_other_by_their_variables(slices):
  """As GKE sets them, for two hosts of one slice and for two slices of one host."""
  asked = "from codegen_jax import distributed; distributed.initialize(); import jax;"
  asked += "print(jax.process_index(), jax.process_count())"
  port = str(free_port())
  started = []
  for i in range(2):
    tpu = {
      "JAX_FORCE_TPU_INIT": "1",  # there is no chip here
      "TPU_WORKER_HOSTNAMES": ",".join(["127.0.0.1"] * (2 // slices)),
      "TPU_WORKER_ID": str(i if slices == 1 else 0),
      "MEGASCALE_COORDINATOR_ADDRESS": "127.0.0.1",
      "MEGASCALE_NUM_SLICES": str(slices),
      "MEGASCALE_SLICE_ID": str(i if slices == 2 else 0),
      "JAX_COORDINATOR_PORT": port,
    }
    started.append(start([sys.executable, "-c", asked], devices(1) | tpu))
  # Gloo has its say first.
  assert [said.split()[-2:] for said in finished(started)] == [["0", "2"], ["1", "2"]]


@pytest.mark.slow
def test_a_process_that_compiles_for_long_is_waited_for():
  """Devices that had not met before would be given 30 seconds."""
  pairs = """
import sys, time, jax, numpy as np
from codegen_jax import distributed
from jax.sharding import PartitionSpec as P
distributed.initialize(sys.argv[1], 2, int(sys.argv[2]))
time.sleep(35 * int(sys.argv[2]))
distributed.meet("here")
devices = np.take(jax.devices(), [[0, 1], [3, 2]])  # no pair that has met when it joined
mesh = jax.sharding.Mesh(devices, ("far", "near"))
place = jax.sharding.NamedSharding(mesh, P("far"))
x = jax.make_array_from_process_local_data(place, np.ones(1), (2,))
add = jax.shard_map(lambda x: jax.lax.psum(x, "far"), mesh=mesh, in_specs=P("far"), out_specs=P())
print(float(jax.jit(add)(x)[0]))
"""
  command = [sys.executable, "-c", pairs, f"127.0.0.1:{free_port()}"]
  for said in finished([start([*command, str(i)], devices(2)) for i in range(2)]):
    assert said.split()[-1] == "2.0"


def by_flags(processes: int, **variables: str) -> list[tuple[list[str], dict[str, str]]]:
  """Four devices, in that many processes."""
  flags = [f"--coordinator=127.0.0.1:{free_port()}", f"--num_processes={processes}"]
  own = devices(4 // processes) | variables
  return [([*flags, f"--process_id={i}"], own) for i in range(processes)]


@pytest.mark.slow
def test_two_processes_by_flags_as_two_slices(alone, tmp_path):
  mesh = {"slices": 2, "fsdp": 2}
  flags = [f"--gin.partitioning.PartitioningConfig.{name}={size}" for name, size in mesh.items()]
  said = train(tmp_path, [([*own, *flags], devices) for own, devices in by_flags(2)])
  assert all("waiting for 2 processes at 127.0.0.1:" in one for one in said)
  np.testing.assert_allclose(losses(tmp_path), alone, rtol=1e-6)


@pytest.mark.slow
def test_a_run_moves_from_four_processes_to_one_of_eight_devices(alone, tmp_path):
  """Four read only their own rows; one restores what they saved on another mesh, and reads all."""
  four = [
    ([*flags, "--gin.TOTAL_STEPS=3"], own | {"ROWS_ASKED_FOR": str(tmp_path / f"{i}.json")})
    for i, (flags, own) in enumerate(by_flags(4))
  ]
  train(tmp_path / "run", four, module="tests.recorded_rows")
  for i in range(4):
    asked = json.loads((tmp_path / f"{i}.json").read_text())
    assert {row % ROWS for row in asked} == {2 * i, 2 * i + 1}
    assert {row // ROWS for row in asked} >= set(range(3))
  said = train(tmp_path / "run", [(["--gin.partitioning.PartitioningConfig.model=2"], devices(8))])
  assert "continues from step 3" in said[0]
  np.testing.assert_allclose(losses(tmp_path / "run"), alone, rtol=1e-6)


# One of two processes ends as it is told while the other waits for it.
ENDS = """
import os, sys, time
from codegen_jax import distributed, main
from codegen_jax.errors import InputError
def run():
  distributed.initialize(sys.argv[1], 2, int(sys.argv[2]))
  print("joined", flush=True)
  if sys.argv[2] == sys.argv[3]:
    exec(sys.argv[4])
  time.sleep(60)
main.exit_with_sentences(run, "codegen-jax")
"""


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["0", "1"])
@pytest.mark.parametrize(
  ("how", "code", "why"),
  [
    ("raise RuntimeError('a bug of ours')", 1, "RuntimeError: a bug of ours"),
    ("raise InputError('no such corpus here')", 2, "no such corpus here"),
  ],
)
def test_one_process_ends_all_within_seconds_and_all_say_why(victim, how, code, why):
  command = [sys.executable, "-c", ENDS, f"127.0.0.1:{free_port()}"]
  started = [start([*command, str(i), victim, how], devices(1)) for i in range(2)]
  try:
    for process in started:
      while "joined" not in process.stdout.readline():
        pass
    begun = time.monotonic()
    said = [process.stdout.read() for process in started]
    assert [process.wait(timeout=60) for process in started] == [code, code], said
    assert time.monotonic() - begun < 5
    assert f"process {victim} has ended the run: {why}" in said[1 - int(victim)]
    assert why in said[int(victim)]
  finally:
    for process in started:
      process.kill()


@pytest.mark.slow
def test_a_process_that_is_done_ends_while_it_looks():
  """A look that comes back from C++ after Python's end would abort it."""
  always = ENDS.replace("import distributed, main", "import distributed, endings, main")
  always = always.replace("def run", "endings.LOOK = 0\ndef run").replace("sleep(60)", "sleep(1)")
  for _ in range(3):
    command = [sys.executable, "-c", always, f"127.0.0.1:{free_port()}"]
    finished([start([*command, str(i), "neither", ""], devices(1)) for i in range(2)])


@pytest.mark.slow
def test_two_processes_start_from_the_same_step_when_the_newest_is_damaged(alone, tmp_path):
  short = ["--gin.CHECKPOINT_EVERY=2", "--gin.TOTAL_STEPS=4"]
  train(tmp_path, [([*flags, *short], own) for flags, own in by_flags(2)])
  path = next((tmp_path / "checkpoints/4/params").rglob("d/*"))
  content = bytearray(path.read_bytes())
  content[len(content) // 2] ^= 1
  path.write_bytes(content)
  said = train(tmp_path, by_flags(2))
  assert all("continues from step 2" in one for one in said), said
  assert any(f"{path} is not what was written" in one for one in said)
  np.testing.assert_allclose(losses(tmp_path), alone, rtol=1e-6)


@pytest.mark.slow
def test_a_preemption_of_one_process_saves_one_step_on_all(tmp_path):
  """The other one is not told by the machine, and both end with the code to start again on."""
  command = [sys.executable, "-m", "codegen_jax.main", "train", "--gin_file=tests/gin/toy.gin"]
  long = ["--gin.TOTAL_STEPS=2000", "--gin.CHECKPOINT_EVERY=2000", "--gin.LOG_EVERY=1"]
  workdir = tmp_path / "run"
  started = [
    start([*command, *long, f"--workdir={workdir}", *flags], own) for flags, own in by_flags(2)
  ]
  try:
    until = time.monotonic() + 120
    while not (workdir / "metrics.jsonl").exists() or not (workdir / "metrics.jsonl").read_text():
      assert time.monotonic() < until
      time.sleep(0.1)
    started[1].terminate()
    said = [process.communicate(timeout=120)[0] for process in started]
  finally:
    for process in started:
      process.kill()
  assert [process.returncode for process in started] == [75, 75], said
  (saved,) = steps(workdir / "checkpoints")
  assert all(f"preempted; step {saved} is saved" in one for one in said)
  rows = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
  assert [row["step"] for row in rows] == list(range(1, saved + 1))
