"""The ways to decode say the same; the benchmark runs and says its figures."""

import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_the_benchmark_runs_and_every_way_makes_the_same_tokens():
  command = [sys.executable, "-m", "benchmarks.decode", "--quick", "--batch_sizes", "2"]
  done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
  assert done.returncode == 0, done.stderr
  told = json.loads(done.stdout.splitlines()[-1])
  assert told.keys() == {"rounds", "prompt", "new", "cores", "measured"}
  (measured,) = told["measured"]
  assert {"codegen_jax", "plain"} <= measured["ways"].keys()
  for way in measured["ways"].values():
    assert way.keys() == {"wall", "cpu", "same_tokens"}
    assert way["same_tokens"] == 1
    assert min(way["wall"], way["cpu"]) > 0
  assert "tiny, 2 rows" in done.stdout
