"""What is made of a schedule is right; the benchmark runs, here and for a TPU that is not here."""

import importlib.util
import json
import pathlib
import subprocess
import sys

import pytest

from benchmarks import attention, schedule
from benchmarks.schedule import Counts, Schedule

ROOT = pathlib.Path(__file__).resolve().parents[1]


def test_what_is_jumped_over_is_conditional(tmp_path):
  bundles = """
LB: loop body
     0   :  { %s1 = sld }
   0x1   :  { %s1 = sld }
   0x2 LB: > { %s1 = sld }
   0x3   : > { %s1 = sld  ;;  %4 = sbr.rel (%p1) target = $region5 }
   0x9 PF: > { %s1 = sld }
   0xa   : > { %s1 = sld  ;;  %v2 = vst [vmem:[#allocation1]] }
   0xb PF: > { %s1 = sld  ;;  %4 = sbr.rel (!%p2) target = $region7 }
   0xc   :  { %s1 = sld }
"""
  for name in ("1-jvp_prefix_attention_forward_.1-72", "2-prefix_attention_backward.1-70"):
    (tmp_path / f"{name}-final_bundles.txt").write_text(bundles)
  (tmp_path / "1-splash_mha_fwd-71-schedule-analysis_final_bundles.txt").write_text("")
  expected = Schedule(every=2 + 2 + 2, conditional=[5])
  assert schedule.schedules(str(tmp_path)) == {"forward": expected, "backward": expected}


def test_a_missing_schedule_is_said(tmp_path):
  with pytest.raises(RuntimeError, match="expected forward and backward"):
    schedule.schedules(str(tmp_path))


@pytest.mark.parametrize(
  ("kind", "length", "counted"),
  [
    ("causal", 2048, Counts(16, open=6, masked=4)),
    ("packed", 2048, Counts(16, open=0, masked=8)),  # three documents that share blocks
    ("packed_prefix", 2048, Counts(16, open=0, masked=9)),
    ("packed_prefix", 4096, Counts(64, open=6, masked=21)),
  ],
)
def test_blocks_of_a_row_are_counted(kind, length, counted):
  assert schedule.counts(attention.mask_of(kind, length)) == counted


def test_cycles_are_those_of_what_is_done():
  # Of 4 blocks, in 2 outer ones, 1 is open and 2 are masked; first and last are waits for memory.
  blocks = Counts(4, open=1, masked=2)
  ours = Schedule(10, [2, 50, 3, 160, 150, 4, 60, 1])
  counted = schedule.cycles(ours, schedule.OURS["backward"], blocks, floor=155)
  assert counted == 4 * (10 + 2 + 1) + 50 + 60 + 2 * (3 + 4) + 1 * 160 + 2 * 155
  splash = schedule.cycles(Schedule(10, [3, 150, 4]), schedule.SPLASH["forward"], blocks, floor=0)
  assert splash == 4 * 10 + 2 * (3 + 4) + 3 * 150


def test_a_kernel_that_is_not_as_expected_is_said():
  with pytest.raises(ValueError, match="regions of \\[1\\] bundles: expected"):
    schedule.cycles(Schedule(1, [1]), schedule.SPLASH["forward"], Counts(1, 0, 1), floor=0)


def run(*arguments: str) -> tuple[str, list[dict]]:
  command = [sys.executable, "-m", "benchmarks.attention", "--quick", *arguments]
  done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
  assert done.returncode == 0, done.stderr
  return done.stdout, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_the_benchmark_runs_here():
  table, told = run("--models", "350M")
  assert "1 x 128 on cpu, 1 rounds" in table
  assert [(row["mask"], row["direction"]) for row in told] == [
    (mask, direction) for mask in attention.MASKS for direction in ("forward", "both")
  ]
  for row in told:
    assert row.keys() == {"model", "mask", "direction", "reference", "blockwise", "fused"}
    assert row["fused"]["milliseconds"] > 0 and row["reference"]["temp_bytes"] > 0


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("libtpu"), reason="pip install libtpu")
def test_the_benchmark_runs_for_a_tpu_that_is_not_here():
  table, told = run("--topology", "v6e", "--models", "350M")
  assert "v6e  350M  64   flash   causal" in table
  ways = {"flash": attention.MASKS, "splash": attention.MASKS[:2]}
  assert [(row["way"], row["mask"]) for row in told] == [(w, m) for w in ways for m in ways[w]]
  assert all(0.05 < row["forward_share"] < 1 for row in told if row["mask"] == "causal")
