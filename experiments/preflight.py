"""Whether the hosts of a run are what it needs, asked in a minute and before it begins.

  python -m experiments.preflight --runs=/runs --devices=128

Every process runs it.  What fails is a sentence that names the host, and then all exit with 2.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
import importlib.metadata
import os
import pathlib
import socket
import sys
import threading

from codegen_jax import distributed
from codegen_jax import main as codegen_jax
from codegen_jax.errors import InputError
from experiments import experiment

PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint")
LOCK = experiment.ROOT / "requirements.lock"
SECONDS = 300.0  # that a sum over all devices may take, compilation included


def main(argv: Sequence[str]) -> None:
  flags = _parser().parse_args(argv)
  distributed.initialize(flags.coordinator, flags.num_processes, flags.process_id)
  import jax

  checks: list[Callable[[], Iterator[str]]] = [
    lambda: versions(LOCK),
    lambda: devices(flags.devices),
    lambda: total(flags.seconds),
    lambda: folder(flags.runs),
  ]
  wrong = [sentence for check in checks for sentence in check()]
  for sentence in wrong:
    print(f"experiments.preflight: {_host()}: {sentence}", file=sys.stderr, flush=True)
  told = f"{_host()}: {wrong[0]}" if wrong else ""
  elsewhere = distributed.said_by_others("preflight told", told)
  if wrong or elsewhere:
    hosts = "" if wrong else f"another host has: {elsewhere[0]}; "
    raise InputError(f"{_host()}: {hosts}nothing was trained")
  if jax.process_index() == 0:
    print(
      f"preflight: {jax.process_count()} processes, {jax.device_count()} devices"
      f" ({jax.devices()[0].device_kind}), versions of the lock, {flags.runs} shared: all is well",
      flush=True,
    )


def versions(lock: pathlib.Path) -> Iterator[str]:
  """Packages that are not those of the lock."""
  pinned = dict(
    line.split("==") for line in lock.read_text().splitlines() if "==" in line and line[0] != "#"
  )
  for package in PACKAGES:
    try:
      here = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
      here = "not installed"
    if here != pinned[package]:
      yield (
        f"{package} is {here} and requirements.lock has {pinned[package]}; pip install -e . -c"
        " requirements.lock"
      )


def devices(expected: int) -> Iterator[str]:
  """Another number of them than the launch was made for; 0 is any."""
  import jax

  if expected and jax.device_count() != expected:
    yield (
      f"there are {jax.device_count()} devices ({jax.default_backend()}) in {jax.process_count()}"
      f" processes, {jax.local_device_count()} of them here, and {expected} were expected; start"
      " every host of the slice, and no other program on its chips"
    )


def total(seconds: float) -> Iterator[str]:
  """1 + 2 + ... + N over N devices, each of which has one of these numbers."""
  import jax
  import jax.numpy as jnp
  import numpy as np

  late = threading.Timer(seconds, _give_up, [seconds])
  late.daemon = True
  late.start()
  distributed.meet("preflight sums")
  number = jax.device_count()
  mesh = jax.sharding.Mesh(np.asarray(jax.devices()), ("all",))
  place = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("all"))
  everywhere = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
  numbers = jax.make_array_from_callback(
    (number,), place, lambda index: np.arange(1, number + 1, dtype=np.int32)[index]
  )
  summed = int(jax.jit(jnp.sum, out_shardings=everywhere)(numbers).addressable_data(0))
  late.cancel()
  if summed != (right := number * (number + 1) // 2):
    yield f"the sum of 1 to {number} over all devices is {summed} and not {right}; a link is broken"


def folder(runs: pathlib.Path) -> Iterator[str]:
  """Each process writes a file there, reads its neighbour's, and deletes its own."""
  import jax

  here, number = jax.process_index(), jax.process_count()
  own = runs / f".preflight_{here}"
  try:
    runs.mkdir(parents=True, exist_ok=True)
    own.write_text(str(here))
  except OSError as error:
    yield f"{runs} cannot be written ({error.strerror}); mount it, or allow writing there"
  distributed.meet("preflight wrote")
  neighbour = (here + 1) % number
  try:
    if (runs / f".preflight_{neighbour}").read_text() != str(neighbour):
      yield f"{runs} gives back something else than process {neighbour} wrote there"
  except OSError as error:
    yield (
      f"what process {neighbour} wrote to {runs} cannot be read ({error.strerror}); --runs must be"
      " one folder that every host sees"
    )
  distributed.meet("preflight read")
  try:
    own.unlink(missing_ok=True)
  except OSError as error:
    yield f"{own} cannot be deleted ({error.strerror}); allow deleting there"


def _give_up(seconds: float) -> None:
  print(
    f"experiments.preflight: {_host()}: the sum over all devices did not come back within"
    f" {seconds:.0f} s; a host is missing or a link is broken",
    file=sys.stderr,
    flush=True,
  )
  os._exit(codegen_jax.INPUT)


def _host() -> str:
  return socket.gethostname()


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="python -m experiments.preflight",
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  add = parser.add_argument
  add("--runs", type=pathlib.Path, default=experiment.ROOT / "runs", help="the folder of all runs")
  add("--devices", type=int, default=0, help="of all processes together (any)")
  add("--seconds", type=float, default=SECONDS, help=f"for a sum over all ({SECONDS:.0f})")
  add("--coordinator", help="HOST:PORT of process 0")
  add("--num_processes", type=int)
  add("--process_id", type=int)
  return parser


if __name__ == "__main__":
  codegen_jax.exit_with_sentences(lambda: main(sys.argv[1:]), "experiments.preflight")
