"""`codegen-jax plan` as a user calls it: one small and one pod-sized case, and bad input."""

from collections.abc import Sequence
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
from typing import NamedTuple

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ARM = "--gin_file=gin_configs/ablations/lesson1_causal.gin"
TINY, V4 = "--gin_file=gin_configs/models/tiny.gin", "--gin_file=gin_configs/hardware/v4.gin"
needs_libtpu = pytest.mark.skipif(
  importlib.util.find_spec("libtpu") is None, reason="libtpu is not installed"
)


# Plans command lines one after the other, each as a process of its own would: TensorFlow takes
# longer to import than most of them take to compile.
EACH = """
import contextlib, io, json, sys
from codegen_jax import main
told = []
for argv in json.loads(sys.argv[1]):
  out, err = io.StringIO(), io.StringIO()
  with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    try:
      main.exit_with_sentences(lambda: main.main(argv), "codegen-jax")
    except SystemExit as left:
      told.append((left.code, out.getvalue(), err.getvalue()))
print(json.dumps(told))
"""


class Told(NamedTuple):
  returncode: int
  stdout: str
  stderr: str


def run(command: Sequence[str], **variables: str) -> Told:
  # The test's own devices are none of the plan's.
  environment = {k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "JAX_PLATFORMS")}
  environment |= variables
  done = subprocess.run(
    [sys.executable, *command],
    cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1500, check=False,
  )  # fmt: skip
  return Told(done.returncode, done.stdout, done.stderr)


def plan(*flags: str) -> Told:
  return run(["-m", "codegen_jax.main", "plan", ARM, *flags])


def plans(*lines: Sequence[str], **variables: str) -> list[Told]:
  done = run(["-c", EACH, json.dumps([["plan", ARM, *flags] for flags in lines])], **variables)
  assert done.returncode == 0, done.stderr
  return [Told(*told) for told in json.loads(done.stdout)]


def refused(*lines: Sequence[str]) -> list[str]:
  told = plans(*lines)
  assert all(done.returncode == 2 and done.stdout == "" for done in told), told
  return [done.stderr.strip().splitlines()[-1] for done in told]


SMALL = ("--gin.TransformerConfig.vocab_size=512", "--gin.BATCH_SIZE=32", "--gin.SEQ_LEN=256")


STEP, DECODE, TOO_LARGE = range(3)


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> pathlib.Path:
  """JAX's, of what is compiled in `small`."""
  return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def small(cache) -> list[Told]:
  return plans(
    [TINY, V4, *SMALL, "--topology=v4-8", "--tokens=1e9", "--json"],
    [TINY, V4, *SMALL, "--topology=v4-8", "--decode=8", "--json"],
    [TINY, V4, "--topology=v5e-4", "--gin.BATCH_SIZE=4", "--gin.SEQ_LEN=16384",
     "--gin.TransformerConfig.attention_kernel=reference",
     "--gin.TransformerConfig.num_heads=16", "--gin.COMPILER_OPTIONS=()"],
    JAX_COMPILATION_CACHE_DIR=str(cache),
  )  # fmt: skip


@needs_libtpu
@pytest.mark.slow
def test_a_small_plan_is_told_in_full(small):
  done = small[STEP]
  assert done.returncode == 0, done.stderr
  told = json.loads(done.stdout)
  assert (told["chips"], told["fits"], told["tokens_per_step"]) == (4, True, 32 * 256)
  memory = told["memory"]
  assert memory["total"] < 2**30 < memory["available"]
  # Weights are split four ways but for norms and biases; Adam keeps two moments of each.
  assert 1 / 4 <= memory["held"]["parameters"] / (4 * told["parameters"]) < 1 / 3
  assert memory["held"]["optimizer"] == pytest.approx(2 * memory["held"]["parameters"], rel=0.01)
  parts = (*memory["held"].values(), memory["activations"], memory["temporaries"])
  assert sum(parts) == pytest.approx(memory["total"], abs=2**18)
  estimate = told["estimate"]
  assert estimate["attention_seconds"] > 0 and estimate["collective_counts"]["all-gather"] > 0
  assert told["days"] * told["tokens_per_day"] == pytest.approx(1e9)
  assert told["chip_hours"] == pytest.approx(told["days"] * 24 * 4)
  assert "never run" in told["method"] and told["error"]


@needs_libtpu
@pytest.mark.slow
def test_the_largest_model_fits_a_pod_and_keeps_it_busy():
  model = "--gin_file=gin_configs/models/codegen2_16b.gin"
  remat = "--gin.TransformerConfig.remat=context"
  done = plan(model, V4, remat, "--topology=v4-256", "--json")
  assert done.returncode == 0, done.stderr
  told = json.loads(done.stdout)
  assert (told["parameters"], told["chips"]) == (16_032_155_648, 128)
  assert told["memory"]["total"] < 0.9 * told["memory"]["available"]
  assert told["utilisation"] > 0.6
  assert not told["estimate"]["unknown"]


@needs_libtpu
@pytest.mark.slow
def test_a_decoded_token_is_planned_too(small):
  done = small[DECODE]
  assert done.returncode == 0, done.stderr
  told = json.loads(done.stdout)
  # Two layers' keys and values of two heads of 8, padded to a tile, for 2 rows of 256 slots.
  assert told["memory"]["held"]["cache"] >= 2 * 2 * 2 * 256 * 2 * 8 * 4
  assert told["tokens_per_second"] == pytest.approx(8 / told["estimate"]["seconds"])


@needs_libtpu
@pytest.mark.slow
def test_a_plan_that_is_too_large_is_an_answer(small):
  done = small[TOO_LARGE]
  assert done.returncode == 0, done.stderr
  assert "does NOT fit" in done.stdout and "It does not fit." in done.stdout


@needs_libtpu
@pytest.mark.slow
def test_what_could_not_be_read_back_is_not_kept(small, cache):
  """JAX's cache takes a program for devices that are not here, and fails to read it."""
  assert small[STEP].returncode == 0
  assert not [*cache.iterdir()]


@needs_libtpu
@pytest.mark.slow
def test_a_sweep_ranks_what_it_tried():
  done = plan(TINY, V4, *SMALL, "--topology=v4-8", "--sweep", "--meshes", "model=1", "model=2",
              "--remats", "full")  # fmt: skip
  assert done.returncode == 0, done.stderr
  ranked = done.stdout.splitlines()[1:]
  found = [
    re.fullmatch(r"  fsdp=\S+ +full +32 rows +([\d.]+) of peak, .* GiB", line) for line in ranked
  ]
  shares = [float(match[1]) for match in found if match]
  assert len(shares) == 2 and shares == sorted(shares, reverse=True)
  assert "2/2" in done.stderr


def test_bad_input_is_one_sentence():
  topology, tokens, sweep = refused(
    [TINY, V4, "--topology=v4-250"],
    [TINY, V4, "--topology=v4-8", "--tokens=0"],
    [TINY, V4, "--topology=v4-8", "--remats", "full"],
  )
  assert "the nearest is v4:4x4x8" in topology
  assert "--tokens is 0.0" in tokens
  assert "add --sweep" in sweep


@needs_libtpu
@pytest.mark.slow
def test_a_config_that_does_not_fit_its_mesh_is_one_sentence():
  rows, table, option = refused(
    [TINY, V4, "--topology=v4-8", "--gin.BATCH_SIZE=6"],
    [TINY, "--topology=v4-8", "--gin.partitioning.PartitioningConfig.model=4",
     "--gin.TransformerConfig.num_heads=4", "--gin.TransformerConfig.vocab_size=4097"],
    [TINY, V4, "--topology=v4-8", "--gin.COMPILER_OPTIONS=('xla_no_such_thing=true',)"],
  )  # fmt: skip
  assert "BATCH_SIZE is 6 rows" in rows
  assert "['embedding']['table'] has 4097 vocab" in table
  assert "XLA knows no compiler option" in option
