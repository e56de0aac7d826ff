"""Measures that need processes of their own: two that share a batch as two hosts do, and memory."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
import multiprocessing
from multiprocessing.synchronize import Barrier
from typing import NamedTuple

from codegen_jax.quiet import import_tensorflow, quiet


class Job(NamedTuple):
  """What is read: a recipe of tasks/recipes.py on rows of a length."""

  recipe: str
  seq_len: int
  batch_size: int
  mean_document: int | None


def measure(
  jobs: Sequence[Job], memory: Sequence[Job], *, seconds: float, tokens: int
) -> tuple[list[float], list[float]]:
  """Of each job, tokens per second in both processes together; of others, MiB that they grow by.

  Growth is over `tokens` tokens, after a tenth of them.
  """
  spawn = multiprocessing.get_context("spawn")  # TensorFlow's threads do not survive a fork
  with ProcessPoolExecutor(2, spawn, _begin, (spawn.Barrier(2),)) as pool:
    # The barrier holds the first process, so that the second takes the other half.
    halves = [pool.submit(_rates, jobs, host, seconds) for host in range(2)]
    rates = [sum(both) for both in zip(*(half.result() for half in halves), strict=True)]
    return rates, [pool.submit(_growth, job, tokens).result() for job in memory]


_together: Barrier


def _begin(barrier: Barrier) -> None:
  global _together
  _together = barrier
  quiet()
  import_tensorflow()


def _rates(jobs: Sequence[Job], host: int, seconds: float) -> list[float]:
  from benchmarks import measure, ours

  rates = []
  for job in jobs:
    share = range(host * job.batch_size // 2, (host + 1) * job.batch_size // 2)
    read = ours.segment_ids(job, share)
    next(read)
    _together.wait(timeout=600)
    rates.append(measure.rate(read, seconds=seconds).per_second)
  return rates


def _growth(job: Job, tokens: int) -> float:
  from benchmarks import measure, ours

  read = ours.segment_ids(job, range(job.batch_size))
  batches = -(-tokens // (job.seq_len * job.batch_size))
  for _ in range(-(-batches // 10)):
    next(read)
  before = measure.resident()
  for _ in range(batches):
    next(read)
  return measure.resident() - before
