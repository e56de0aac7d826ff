"""Kills a run at random moments, and compares it with the run that nobody killed.

  python -m tests.chaos                    # 20 kills of each mixture: half an hour on two cores
  python -m tests.chaos --kills=2 --mixtures local_code_clm

Prints a row for each kill and exits with 1 if a bit differs.
"""

import argparse
from collections.abc import Sequence
import hashlib
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from codegen_jax.checkpoint.steps import steps
from codegen_jax.training import metrics

ROOT = pathlib.Path(__file__).resolve().parents[1]
MIXTURES = {
  "local_code_clm": "causal",
  "local_code_prefix_lm": "prefix",
  "local_code_span_corruption": "causal",
}
LOCAL = ("gin_configs/ablations/lesson1_causal.gin", "gin_configs/models/tiny.gin")
MOMENTS = ("start", "step", "save", "commit")
STEPS, EVERY = 120, 4


def main(argv: Sequence[str]) -> int:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--kills", type=int, default=20, help="of each mixture (20)")
  parser.add_argument("--mixtures", nargs="+", choices=MIXTURES, default=list(MIXTURES))
  parser.add_argument("--steps", type=int, default=STEPS, help=f"of each run ({STEPS})")
  parser.add_argument("--seed", type=int, default=0, help="of the moments (0)")
  flags = parser.parse_args(argv)
  jax.config.update("jax_platforms", "cpu")  # checkpoints are read here
  chance = random.Random(flags.seed)
  ok = True
  with tempfile.TemporaryDirectory(prefix="chaos") as folder:
    for mixture in flags.mixtures:
      ok &= chaos(mixture, pathlib.Path(folder) / mixture, flags.kills, flags.steps, chance)
  return 0 if ok else 1


def chaos(
  mixture: str,
  folder: pathlib.Path,
  kills: int,
  total: int,
  chance: random.Random,
  gin_files: Sequence[str] = LOCAL,
) -> bool:
  """One run left alone, one that is killed; whether they end with the same bits."""
  whole, killed = folder / "whole", folder / "killed"
  begun = time.monotonic()
  _finish(_start(mixture, whole, total, gin_files))
  length = time.monotonic() - begun
  expected = told(whole)
  print(f"{mixture}: {total} steps, left alone {length:.0f} s, {_short(expected)}", flush=True)
  print("kill  moment  row written  newest checkpoint", flush=True)
  for kill in range(kills):
    moment = MOMENTS[kill % len(MOMENTS)]
    process = _start(mixture, killed, total, gin_files)
    _wait_for(moment, process, killed, chance)
    over = process.poll() is not None
    process.kill()
    process.wait()
    if over:
      if process.returncode != 0:
        raise SystemExit(f"the run ended by itself with code {process.returncode}")
      moment = "ended"
    row = max((row["step"] for row in _rows(killed)), default=0)
    newest = max(steps(killed / "checkpoints"), default=0)
    print(f"{kill + 1:4}  {moment:6}  {row:11}  {newest:17}", flush=True)
    if over:  # begins again, a little earlier
      for step in steps(killed / "checkpoints")[1:]:
        shutil.rmtree(killed / "checkpoints" / str(step))
  _finish(_start(mixture, killed, total, gin_files))
  got = told(killed)
  same = got == expected
  differ = [name for name in expected if got[name] != expected[name]]
  print(
    f"{mixture}: {'the same bits' if same else f'DIFFERS in {differ}'}, {_short(got)}\n", flush=True
  )
  return same


def told(workdir: pathlib.Path) -> dict[str, Any]:
  """Hashes of the parameters, of the optimizer and of the place in the data, and every row."""
  newest = workdir.absolute() / "checkpoints" / str(max(steps(workdir / "checkpoints")))
  hashes = {}
  for item in ("params", "opt_state"):
    digest = hashlib.sha256()
    tree = ocp.StandardCheckpointer().restore(newest / item)
    for path, leaf in _leaves(tree):
      digest.update(path.encode() + np.asarray(leaf).tobytes())
    hashes[item] = digest.hexdigest()
  hashes["data"] = (newest / "data" / "metadata").read_text()
  rows = [
    {name: value for name, value in row.items() if not name.startswith("throughput/")}
    for row in metrics.read(workdir)
  ]
  return {**hashes, "rows": rows}


def _leaves(tree: Any) -> list[tuple[str, Any]]:
  leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
  return [(jax.tree_util.keystr(path), leaf) for path, leaf in leaves]


def _short(found: dict[str, Any]) -> str:
  return f"parameters {found['params'][:16]}, optimizer {found['opt_state'][:16]}"


def _start(
  mixture: str, workdir: pathlib.Path, total: int, gin_files: Sequence[str]
) -> subprocess.Popen:
  workdir.mkdir(parents=True, exist_ok=True)
  command = [sys.executable, "-m", "codegen_jax.main", "train", f"--workdir={workdir}"]
  command += [f"--gin_file={file}" for file in gin_files]
  settings = {
    "MIXTURE": repr(mixture), "ATTENTION": repr(MIXTURES.get(mixture, "causal")),
    "TOTAL_STEPS": total, "WARMUP_STEPS": 5, "ANNEAL_STEPS": total,
    "CHECKPOINT_EVERY": EVERY, "LOG_EVERY": 1,
  }  # fmt: skip
  command += [f"--gin.{name}={value}" for name, value in settings.items()]
  log = (workdir.parent / f"{workdir.name}.log").open("a")
  return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)


def _finish(process: subprocess.Popen) -> None:
  if process.wait() != 0:
    raise SystemExit(f"a run that nobody killed ended with code {process.returncode}")


def _wait_for(
  moment: str, process: subprocess.Popen, workdir: pathlib.Path, chance: random.Random
) -> None:
  """Until the moment has come, or the run has ended."""
  if moment == "start":
    time.sleep(chance.uniform(0.1, 8.0))
    return
  first = max((row["step"] for row in _rows(workdir)), default=0)
  seen = {path.name for path in (workdir / "checkpoints").glob("*")}
  after = chance.randint(1, 3)
  while process.poll() is None:
    new = {path.name for path in (workdir / "checkpoints").glob("*")} - seen
    if moment == "save" and sum("tmp" in name for name in new) >= 1:
      time.sleep(chance.uniform(0.0, 0.05))
      return
    if moment == "commit" and sum(name.isdecimal() for name in new) >= after:
      return
    if moment == "step" and max((r["step"] for r in _rows(workdir)), default=0) > first + after:
      time.sleep(chance.uniform(0.0, 0.1))
      return
    time.sleep(0.002)


def _rows(workdir: pathlib.Path) -> list[dict[str, Any]]:
  return metrics.read(workdir) if (workdir / "metrics.jsonl").exists() else []


if __name__ == "__main__":
  sys.exit(main(sys.argv[1:]))
