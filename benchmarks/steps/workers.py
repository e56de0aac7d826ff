"""A process for each way, so that threads do not mix and memory is each one's own."""

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
import importlib.util
import multiprocessing
import os
import statistics
from typing import Any, NamedTuple

from benchmarks import measure

NEEDS = {"eager": ("torch", "transformers"), "compiled": ("torch", "transformers")}


class Turn(NamedTuple):
  """Of one turn: seconds of a step, processor seconds of all threads, the loss, memory so far."""

  seconds: float
  cpu_seconds: float
  loss: float
  memory_gb: float


class Started(NamedTuple):
  """How much one step is (tokens, or FLOP), its first loss, what was held before it was made."""

  units: float
  first_loss: float
  libraries_gb: float


class Worker:
  """One way to train one shape, started and warm; it waits between its turns."""

  def __init__(self, way: str, shape: str, device: str, cores: int):
    # No thread of a library survives a fork.
    spawn = multiprocessing.get_context("spawn")
    self._pool, self._shape = ProcessPoolExecutor(1, spawn, _begin, (device, cores)), shape
    self._turns: list[Turn] = []
    self._started = self._pool.submit(_start, way, shape).result()

  def run(self, steps: int) -> None:
    self._turns.append(self._pool.submit(_turn, steps).result())

  def told(self) -> dict[str, Any]:
    """Tokens (of a matmul, FLOP) by second, medians over all turns; memory and losses."""
    turns = self._turns
    return {
      "per_second": self._started.units / statistics.median(turn.seconds for turn in turns),
      "per_cpu_second": self._started.units / statistics.median(turn.cpu_seconds for turn in turns),
      "memory_gb": turns[-1].memory_gb,
      "libraries_gb": self._started.libraries_gb,
      "first_loss": self._started.first_loss,
      "last_loss": turns[-1].loss,
    }

  def facts(self) -> dict[str, Any]:
    """What the table says of the shape and of the device."""
    return self._pool.submit(_facts, self._shape).result()

  def stop(self) -> None:
    self._pool.shutdown()


def absent(ways: Iterable[str]) -> dict[str, str]:
  """Ways that cannot be measured here, and a sentence that says why."""
  return {
    way: f"{way} is left out: {library} is not installed (make peers)"
    for way in ways
    for library in NEEDS.get(way, ())
    if importlib.util.find_spec(library) is None
  }


def matmuls() -> list[str]:
  """What can measure the peak here."""
  return [
    f"matmul in {name}" for name in ("numpy", "torch", "jax") if importlib.util.find_spec(name)
  ]


def _begin(device: str, cores: int) -> None:
  # Before any library counts them, to start as many threads.
  os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])
  os.environ["JAX_PLATFORMS"] = {"cpu": "cpu", "gpu": "cuda"}[device]
  os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # the ways share a GPU's memory
  from codegen_jax.quiet import quiet

  quiet()


def _facts(shape: str) -> dict[str, Any]:
  import jax

  from benchmarks.steps import shapes
  from codegen_jax.training import flops

  config, batch_size, seq_len, loss_chunks = shapes.SHAPES[shape]
  of_config = ("num_layers", "embed_dim", "vocab_size")
  return {
    **{name: getattr(config, name) for name in of_config},
    "batch_size": batch_size,
    "seq_len": seq_len,
    "loss_chunks": loss_chunks,
    "flops_per_token": flops.flops_per_token(config, seq_len),
    "device": jax.devices()[0].device_kind,
    "peak_flops": flops.peak_flops(jax.devices()[:1]),
  }


_steps: Any


def _start(way: str, shape: str) -> Started:
  """Makes a step, compiles it and warms it up."""
  global _steps
  units, make = _find(way, shape)
  libraries = measure.resident() / 2**10
  _steps = make()
  first_loss = _steps(1)
  _steps(2)
  return Started(units, first_loss, libraries)


def _find(way: str, name: str) -> tuple[float, Any]:
  """How much a step is, and what makes it; imports the way's libraries."""
  if way in matmuls():
    from benchmarks.steps import matmul

    return matmul.FLOP, lambda: matmul.make(way.removeprefix("matmul in "))
  from benchmarks.steps import shapes

  shape = shapes.SHAPES[name]
  if way == "codegen_jax":
    from benchmarks.steps import ours

    return shape.tokens, lambda: ours.make(shape)
  if way == "plain":
    from benchmarks.steps import plain_jax

    return shape.tokens, lambda: plain_jax.make(shape)
  from benchmarks.steps import huggingface

  device = "cuda" if os.environ["JAX_PLATFORMS"] == "cuda" else "cpu"
  return shape.tokens, lambda: huggingface.make(shape, compiled=way == "compiled", device=device)


def _turn(steps: int) -> Turn:
  spent, loss = measure.seconds(lambda: _steps(steps))
  return Turn(spent.wall / steps, spent.cpu / steps, loss, measure.peak_resident() / 2**10)
