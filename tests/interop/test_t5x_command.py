"""t5x's train.py by gin_configs/t5x/pretrain.gin, beside `codegen-jax train` of the same arm."""

import pathlib
import re
import subprocess
import sys

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
from codegen_jax.training import metrics
from tests.environment import ENVIRONMENT

ROOT = pathlib.Path(__file__).resolve().parents[2]
ARM = ("gin_configs/ablations/lesson1_prefix.gin", "gin_configs/models/tiny.gin")
EVERY = ("LOG_EVERY = 1", "CHECKPOINT_EVERY = 2")
LOGGED = re.compile(r"\[(\d+)\] collection=train cross_ent_loss=([\d.]+), learning_rate=([\d.]+)")


def train(workdir: pathlib.Path, *bindings: str) -> dict[int, list[float]]:
  """Step -> the loss and the rate that t5x logs."""
  files = [f"--gin_file={file}" for file in ("gin_configs/t5x/pretrain.gin", *ARM)]
  said = (f"MODEL_DIR = '{workdir}'", "EVAL_STEPS = 1", *EVERY, *bindings)
  call = [sys.executable, "-m", "t5x.train", *files, *(f"--gin_bindings={one}" for one in said)]
  done = subprocess.run(call, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
  assert done.returncode == 0, done.stderr[-3000:]
  return {int(step): [float(loss), float(rate)] for step, loss, rate in LOGGED.findall(done.stderr)}


@pytest.mark.slow
def test_t5x_trains_an_arm_as_we_do_and_goes_on_where_it_stopped(tmp_path):
  first = train(tmp_path / "theirs", "TOTAL_STEPS = 2")
  then = train(tmp_path / "theirs")
  assert [[*first], [*then]] == [[1, 2], [3, 4]]
  main.train([*ARM], EVERY, tmp_path / "ours")
  ours = {
    row["step"]: [row["train/loss"], row["train/learning_rate"]]
    for row in metrics.read(tmp_path / "ours")
  }
  assert ours.keys() == (first | then).keys()
  for step, logged in (first | then).items():
    assert_allclose(logged, ours[step], rtol=1e-6)
  written = {file.name for file in (tmp_path / "theirs").iterdir()}
  assert {
    "checkpoint_2",
    "checkpoint_4",
    "config.gin",
    "model-info.txt",
    "training_eval",
  } <= written
