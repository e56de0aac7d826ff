"""Measures that need processes of their own: two that share a batch as two hosts do, and memory."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
import multiprocessing
from multiprocessing.synchronize import Barrier
from typing import NamedTuple

import numpy as np

from codegen_jax.quiet import import_tensorflow, quiet


class Job(NamedTuple):
  """What is read: a recipe of tasks/recipes.py on rows of a length."""

  recipe: str
  seq_len: int
  batch_size: int
  mean_document: int | None


def measure(
  jobs: Sequence[Job], memory: Sequence[Job], *, rounds: int, seconds: float, tokens: int
) -> tuple[list[float], list[float]]:
  """Of each job, tokens per second in both processes together; of others, MiB that they grow by.

  Rates are medians of rounds of so many seconds; growth is over `tokens`, after a tenth of them.
  """
  spawn = multiprocessing.get_context("spawn")  # TensorFlow's threads do not survive a fork
  with ProcessPoolExecutor(2, spawn, _begin, (spawn.Barrier(2),)) as pool:
    growth = [pool.submit(_growth, job, tokens).result() for job in memory]
    # The barrier holds the first process, so that the second takes the other half.
    halves = [pool.submit(_rates, jobs, host, rounds, seconds) for host in range(2)]
    return np.median(halves[0].result() + halves[1].result(), axis=0).tolist(), growth


_together: Barrier


def _begin(barrier: Barrier) -> None:
  global _together
  _together = barrier
  quiet()
  import_tensorflow()


def _rates(jobs: Sequence[Job], host: int, rounds: int, seconds: float) -> np.ndarray:
  from benchmarks import measure, ours

  reads = []
  for job in jobs:
    share = range(host * job.batch_size // 2, (host + 1) * job.batch_size // 2)
    reads.append(ours.segment_ids(job, share))
    next(reads[-1])
  rates = np.zeros((rounds, len(jobs)))
  for place in np.ndindex(rates.shape):
    _together.wait(timeout=600)
    rates[place] = measure.rate(reads[place[1]], seconds=seconds).per_second
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
