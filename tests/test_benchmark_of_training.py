"""Ways to train are one network on one batch; the benchmark runs and says its figures."""

import json
import pathlib
import subprocess
import sys

from numpy.testing import assert_allclose
import pytest

from benchmarks.steps import ours, plain_jax, shapes
from tests.test_parity import from_codegen

ROOT = pathlib.Path(__file__).resolve().parents[1]
TINY = shapes.SHAPES["tiny"]


def test_transformers_learns_what_we_learn():
  pytest.importorskip("torch")
  pytest.importorskip("transformers")
  from benchmarks.steps import huggingface

  weights = {name: p.numpy() for name, p in huggingface.model(TINY).state_dict().items()}
  mine = ours.make(TINY, from_codegen(weights, TINY.config))
  theirs = huggingface.make(TINY, compiled=False)
  # The second loss is that of weights clipped, decayed and moved by both optimizers.
  losses = [(mine(1), theirs(1)) for _ in range(6)]
  assert_allclose(*zip(*losses, strict=True), rtol=2e-4)
  assert losses[-1][0] < losses[0][0] - 0.1


def test_a_plain_step_learns():
  steps = plain_jax.make(TINY)
  first = steps(1)
  assert steps(40) < first < 6


@pytest.mark.slow
def test_the_benchmark_runs_and_its_last_line_holds_every_figure():
  command = [sys.executable, "-m", "benchmarks.train", "--quick"]
  done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
  assert done.returncode == 0, done.stderr
  told = json.loads(done.stdout.splitlines()[-1])
  assert told.keys() == {"rounds", "steps", "cores", "shapes"}
  (shape,) = told["shapes"]
  assert shape["shape"] == "tiny"
  assert shape["peak_flops"] > 0
  assert {"codegen_jax", "plain"} <= shape["ways"].keys()
  for way in shape["ways"].values():
    assert way.keys() == {
      *("per_second", "per_cpu_second", "share_of_peak"),
      *("memory_gb", "libraries_gb", "first_loss", "last_loss"),
    }
    assert min(way.values()) > 0
    assert way["memory_gb"] > way["libraries_gb"]
  assert "tiny: 2 layers" in done.stdout
  assert "round 1 of 1, plain" in done.stderr
