"""A process for each way to decode, so that threads do not mix."""

from concurrent.futures import ProcessPoolExecutor
import importlib.util
import multiprocessing
import os
from typing import Any

from benchmarks import measure


class Worker:
  """One way to complete one batch, compiled and warm; it waits between its turns."""

  def __init__(self, way: str, shape: str, batch_size: int, prompt: int, new: int, cores: int):
    spawn = multiprocessing.get_context("spawn")  # no thread of a library survives a fork
    self._pool = ProcessPoolExecutor(1, spawn, _begin, (cores,))
    self._tokens = self._pool.submit(_start, way, shape, batch_size, prompt, new).result()

  def run(self) -> tuple[float, float]:
    """Seconds of all new tokens, by the clock and of all threads."""
    return self._pool.submit(_turn).result()

  def tokens(self) -> list[list[int]]:
    return self._tokens

  def stop(self) -> None:
    self._pool.shutdown()


def absent() -> dict[str, str]:
  """Ways that cannot be measured here, and a sentence that says why."""
  missing = [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]
  if not missing:
    return {}
  return {"transformers": f"transformers is left out: no {missing[0]} is installed (make peers)"}


def _begin(cores: int) -> None:
  # Before any library counts them, to start as many threads.
  os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])
  os.environ["JAX_PLATFORMS"] = "cpu"
  from codegen_jax.quiet import quiet

  quiet()


_run: Any


def _start(way: str, shape: str, batch_size: int, prompt: int, new: int) -> list[list[int]]:
  """Makes it, compiles it; the tokens that it completes, always the same."""
  global _run
  if way == "codegen_jax":
    from benchmarks.decoders import ours as module
  elif way == "plain":
    from benchmarks.decoders import plain_jax as module  # type: ignore[no-redef]
  else:
    from benchmarks.decoders import huggingface as module  # type: ignore[no-redef]
  _run = module.make(shape, batch_size, prompt, new)
  return _run()


def _turn() -> tuple[float, float]:
  spent, _ = measure.seconds(_run)
  return spent.wall, spent.cpu
