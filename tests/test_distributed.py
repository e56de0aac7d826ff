"""Several processes train as one does: real processes, over loopback."""

from collections.abc import Iterator, Mapping, Sequence
import json
import pathlib
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from codegen_jax.checkpoint.steps import steps
from codegen_jax.training import metrics
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


# The second is late, as one that compiles for long.
PAIRS = """
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


@pytest.fixture(scope="module", autouse=True)
def pairs() -> Iterator[list[subprocess.Popen]]:
  """Begun before the first test and asked in the last: most of their time they wait."""
  command = [sys.executable, "-c", PAIRS, f"127.0.0.1:{free_port()}"]
  started = [start([*command, str(i)], devices(2)) for i in range(2)]
  yield started
  for process in started:
    process.kill()
    process.wait()


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
  assert losses(tmp_path) == alone


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


# Long enough to be stopped in.
LONG = ["--gin.TOTAL_STEPS=80", "--gin.CHECKPOINT_EVERY=8", "--gin.LOG_EVERY=1"]
LONG += ["--gin.EVALUATE_EVERY=20"]


def rows(workdir: pathlib.Path) -> list[dict]:
  """What was computed, without how fast."""
  return [
    {name: value for name, value in row.items() if not name.startswith("throughput/")}
    for row in metrics.read(workdir)
  ]


def stopped(workdir: pathlib.Path, processes: int, victim: int, how: int) -> list[str]:
  """One of the processes is sent a signal, once there are steps that were not there before."""
  command = [sys.executable, "-m", "codegen_jax.main", "train", "--gin_file=tests/gin/toy.gin"]
  command += [*LONG, f"--workdir={workdir}"]
  before = max(steps(workdir / "checkpoints"), default=0)
  started = [start([*command, *flags], own) for flags, own in by_flags(processes)]
  try:
    until = time.monotonic() + 240
    while max(steps(workdir / "checkpoints"), default=0) <= before + 8:
      assert time.monotonic() < until, "the run makes no progress"
      time.sleep(0.02)
    started[victim].send_signal(how)
    said = [process.communicate(timeout=120)[0] for process in started]
  finally:
    for process in started:
      process.kill()
  ended = [process.returncode for process in started]
  said = [f"{told}\n(ended with {code})" for told, code in zip(said, ended, strict=True)]
  assert ended.pop(victim) == (75 if how == signal.SIGTERM else -how), said
  # JAX itself aborts a process when it is the first to hear of the loss, and says so.
  assert set(ended) <= ({75, -signal.SIGABRT} if how == signal.SIGKILL else {75}), said
  return said


@pytest.mark.slow
def test_processes_that_are_preempted_lost_and_misled_end_with_the_bits_of_one(tmp_path):
  """Of one that nobody stopped; `count` may be another, by hand."""
  count, workdir, whole = 2, tmp_path / "run", tmp_path / "whole"
  command = [sys.executable, "-m", "codegen_jax.main", "train", "--gin_file=tests/gin/toy.gin"]
  alone = start([*command, *LONG, f"--workdir={whole}"], devices(4))

  said = stopped(workdir, count, count - 1, signal.SIGTERM)
  saved = max(steps(workdir / "checkpoints"))
  assert all(f"preempted; step {saved} is saved" in one for one in said)
  assert [row["step"] for row in rows(workdir)] == list(range(1, saved + 1))

  said = stopped(workdir, count, count - 1, signal.SIGKILL)
  why = ("another process was lost; start again", "most likely indicates that another task died")
  assert all(any(one in told for one in why) for told in said[:-1]), said

  newest, before = steps(workdir / "checkpoints")[::-1][:2]
  path = next((workdir / f"checkpoints/{newest}/params").rglob("d/*"))
  content = bytearray(path.read_bytes())
  content[len(content) // 2] ^= 1
  path.write_bytes(content)
  ended = [start([*command, *LONG, f"--workdir={workdir}", *f], own) for f, own in by_flags(count)]
  said = finished(ended)
  assert all(f"continues from step {before}" in one for one in said), said
  assert any(f"{path} is not what was written" in one for one in said)

  finished([alone])
  assert [row["step"] for row in rows(workdir)] == list(range(1, 81))
  assert rows(workdir) == rows(whole)
  evaluations = [folder / "evaluations.jsonl" for folder in (workdir, whole)]
  assert len(evaluations[0].read_text().splitlines()) == 4
  assert evaluations[0].read_bytes() == evaluations[1].read_bytes()


@pytest.mark.slow
def test_a_process_that_compiles_for_long_is_waited_for(pairs):
  """Devices that had not met before would be given 30 seconds."""
  for said in finished(pairs):
    assert said.split()[-1] == "2.0"
