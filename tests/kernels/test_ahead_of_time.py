"""The kernel compiles for each TPU, in bfloat16, without an array of every pair of tokens."""

import importlib.util

import pytest

from benchmarks import tpu
from benchmarks.tpu import Job

pytestmark = [
  pytest.mark.slow,
  pytest.mark.skipif(not importlib.util.find_spec("libtpu"), reason="pip install libtpu"),
]

ROWS = {"batch_size": 2, "length": 4096}
PAIRS = 2 * 4096**2  # bytes of the smallest array of them, one of bits kept as bytes


def test_the_kernel_compiles_and_no_array_holds_every_pair_of_tokens():
  jobs = [
    Job(chip, "flash", heads=2, head_dim=dim, **ROWS)
    for chip in tpu.CHIPS
    for dim in (64, 80, 128, 256)
  ]
  told = tpu.compiled(jobs)
  assert len(told) == len(jobs)
  assert max(one["temp_bytes"] for one in told) < PAIRS


def test_the_measure_sees_such_an_array():
  (told,) = tpu.compiled([Job("v4", "reference", heads=2, head_dim=64, **ROWS)])
  assert told["temp_bytes"] > PAIRS
