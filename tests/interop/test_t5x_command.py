"""t5x's train.py by gin_configs/t5x/pretrain.gin, beside `codegen-jax train` of the same arm."""

import json
import pathlib
import re
import subprocess
import sys

import numpy as np
from numpy.testing import assert_allclose
import pytest

try:
  import t5x.train  # noqa: F401
except ImportError as error:
  pytest.skip(
    f"t5x cannot be imported ({error}); docs/interop.md tells how to install it",
    allow_module_level=True,
  )

from codegen_jax import main
from codegen_jax.data import pipeline
from codegen_jax.data.pipeline import DataConfig
from codegen_jax.models import masks
from codegen_jax.training import metrics
from tests.environment import ENVIRONMENT

ROOT = pathlib.Path(__file__).resolve().parents[2]
ARM = ("gin_configs/ablations/lesson1_prefix.gin", "gin_configs/models/tiny.gin")
EVERY = ("LOG_EVERY = 1", "CHECKPOINT_EVERY = 2")
LOGGED = re.compile(r"\[(\d+)\] collection=train cross_ent_loss=([\d.]+), learning_rate=([\d.]+)")


def run(program: str, *bindings: str) -> str:
  """What a program of t5x logs, of the arm."""
  module, file = {"train": ("t5x.train", "pretrain"), "infer": ("t5x.infer", "infer")}[program]
  files = [f"--gin_file={name}" for name in (f"gin_configs/t5x/{file}.gin", *ARM)]
  call = [sys.executable, "-m", module, *files, *(f"--gin_bindings={one}" for one in bindings)]
  done = subprocess.run(call, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
  assert done.returncode == 0, done.stderr[-3000:]
  return done.stderr


def train(workdir: pathlib.Path, *bindings: str) -> dict[int, list[float]]:
  """Step -> the loss and the rate that t5x logs."""
  log = run("train", f"MODEL_DIR = '{workdir}'", "EVAL_STEPS = 1", *EVERY, *bindings)
  return {int(step): [float(loss), float(rate)] for step, loss, rate in LOGGED.findall(log)}


def said(checkpoint: pathlib.Path, out: pathlib.Path, mode: str) -> list[dict]:
  """What t5x's infer.py writes about each held-out row."""
  run("infer", f"CHECKPOINT = '{checkpoint}'", f"OUTPUT_DIR = '{out}'", f"MODE = '{mode}'")
  (file,) = out.glob(f"*-{mode}.jsonl-00000-of-00001")
  return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
  """A folder of t5x's after two steps and two more, and what it logged in each part."""
  workdir = tmp_path_factory.mktemp("theirs")
  return workdir, train(workdir, "TOTAL_STEPS = 2"), train(workdir)


@pytest.mark.slow
def test_t5x_trains_an_arm_as_we_do_and_goes_on_where_it_stopped(theirs, tmp_path):
  workdir, first, then = theirs
  assert [[*first], [*then]] == [[1, 2], [3, 4]]
  main.train([*ARM], EVERY, tmp_path)
  ours = {
    row["step"]: [row["train/loss"], row["train/learning_rate"]] for row in metrics.read(tmp_path)
  }
  assert ours.keys() == (first | then).keys()
  for step, logged in (first | then).items():
    assert_allclose(logged, ours[step], rtol=1e-6)
  written = {file.name for file in workdir.iterdir()}
  assert {
    "checkpoint_2",
    "checkpoint_4",
    "config.gin",
    "model-info.txt",
    "training_eval",
  } <= written


@pytest.mark.slow
def test_t5x_scores_and_continues_held_out_rows(theirs, tmp_path):
  checkpoint = theirs[0] / "checkpoint_4"
  scored = said(checkpoint, tmp_path, "score")
  continued = said(checkpoint, tmp_path, "predict_with_aux")
  reader = pipeline.Reader(DataConfig("local_code_prefix_lm", 32, 8, split="validation"))
  rows = [row for row, _ in reader.rows_in_order()]
  assert len(scored) == len(continued) == len(rows)
  # Hardly trained, it needs about as many nats for a token as for one of 4096 that are equal.
  tokens = [masks.scored_targets(row, "prefix").sum() for row in rows]
  nats = -sum(line["score"] for line in scored) / sum(tokens)
  assert abs(nats - np.log(4096)) < 1
  silent = [line for line, count in zip(scored, tokens, strict=True) if not count]
  assert all(line["score"] == 0 for line in silent)
  assert all(line["prediction"] and line["aux"]["scores"] < 0 for line in continued)
