"""How many tokens a second a training step takes, beside PyTorch's and a plain step in JAX.

  python -m benchmarks.train

Every way trains the same network on the same rows in float32, in a process of its own; they take
turns.  README.md says more.
"""

import argparse
from collections.abc import Sequence
import json
import os
import sys
from typing import Any

from benchmarks.steps import workers
from benchmarks.steps.workers import Worker

SHAPES = {"cpu": ("demo", "8k", "51k"), "gpu": ("350m", "1b")}
WAYS = {
  "cpu": ("codegen_jax", "compiled", "eager", "plain"),
  "gpu": ("codegen_jax", "compiled", "eager"),
}


def main(argv: Sequence[str]) -> None:
  flags = _parser().parse_args(argv)
  rounds, steps = (1, 1) if flags.quick else (flags.rounds, flags.steps)
  shapes = ("tiny",) if flags.quick else flags.shapes or SHAPES[flags.device]
  chosen = {*(flags.ways or WAYS[flags.device]), "codegen_jax"}
  wanted = [way for way in WAYS[flags.device] if way in chosen]
  absent = workers.absent(wanted)
  for sentence in absent.values():
    print(sentence)
  ways = [way for way in wanted if way not in absent]
  report: dict[str, Any] = {"rounds": rounds, "steps": steps, "cores": flags.cores, "shapes": []}
  for shape in shapes:
    measured = _measure(shape, ways, rounds, steps, flags.device, flags.cores)
    print(_table(measured), flush=True)
    report["shapes"].append(measured)
  print(json.dumps(report))


def _measure(
  shape: str, ways: Sequence[str], rounds: int, steps: int, device: str, cores: int
) -> dict[str, Any]:
  """The shape, the peak, and of each way what `Worker.told` has."""
  matmuls = workers.matmuls() if device == "cpu" else []
  started: dict[str, Worker] = {}
  try:
    for way in (*ways, *matmuls):
      _say(f"{shape}: {way} starts")
      started[way] = Worker(way, shape, device, cores)
    for number in range(1, rounds + 1):
      for way, worker in started.items():
        _say(f"{shape}, round {number} of {rounds}, {way}")
        worker.run(steps)
    told = {way: worker.told() for way, worker in started.items()}
    measured = {"shape": shape, **started[ways[0]].facts()}
  finally:
    for worker in started.values():
      worker.stop()
  if matmuls:
    # No library says what a CPU's peak is: it is what the best matmul reached in the same rounds.
    best = max(matmuls, key=lambda name: told[name]["per_second"])
    measured |= {"device": best, "peak_flops": told[best]["per_second"]}
  peak = measured["peak_flops"]
  for way in ways:
    flops = told[way]["per_second"] * measured["flops_per_token"]
    told[way]["share_of_peak"] = flops / peak if peak else None
  return {**measured, "ways": {way: told[way] for way in ways}}


def _table(measured: dict[str, Any]) -> str:
  peak = measured["peak_flops"]
  lines = [
    "\n{shape}: {num_layers} layers, d {embed_dim}, vocabulary {vocab_size}; {batch_size} rows of"
    " {seq_len}; ".format(**measured)
    + (f"{measured['device']} reaches {peak / 1e9:.0f} GFLOP/s" if peak else "no peak is known"),
    f"{'':<14}{'tokens/s':>10}{'x':>7}{'of peak':>9}{'by CPU s':>10}{'x':>7}{'GB':>7}{'of it':>7}"
    f"{'loss':>9}{'to':>8}",
  ]
  ours = measured["ways"]["codegen_jax"]
  for way, told in measured["ways"].items():
    x, x_cpu = (ours[key] / told[key] for key in ("per_second", "per_cpu_second"))
    share = "" if told["share_of_peak"] is None else f"{told['share_of_peak']:.0%}"
    lines.append(
      f"{way:<14}{told['per_second']:>10,.0f}{x:>7.2f}{share:>9}"
      f"{told['per_cpu_second']:>10,.0f}{x_cpu:>7.2f}{told['memory_gb']:>7.2f}{told['libraries_gb']:>7.2f}"
      f"{told['first_loss']:>9.3f}{told['last_loss']:>8.3f}"
    )
  return "\n".join(lines)


def _say(what: str) -> None:
  print(what, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="python -m benchmarks.train",
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  parser.add_argument(
    "--device", choices=("cpu", "gpu"), default="cpu",
    help="gpu: in bfloat16, as a share of the GPU's peak; PyTorch's with checkpoints",
  )  # fmt: skip
  parser.add_argument(
    "--shapes", nargs="+", choices=[*SHAPES["cpu"], *SHAPES["gpu"]], metavar="NAME",
    help="demo is gin_configs/models/demo.gin; 8k and 51k have 6 layers, d 512 and so many ids;"
    " 350m and 1b are CodeGen's, for a GPU",
  )  # fmt: skip
  parser.add_argument(
    "--ways", nargs="+", choices=WAYS["cpu"], metavar="WAY",
    help=f"some of {', '.join(WAYS['cpu'])}; codegen_jax is always among them",
  )  # fmt: skip
  parser.add_argument("--rounds", type=int, default=7, help="every way takes a turn in each")
  parser.add_argument("--steps", type=int, default=5, help="updates of a turn")
  parser.add_argument(
    "--cores", type=int, default=os.cpu_count(),
    help="of each way; on a busy machine 1, and read the column of CPU seconds: threads that wait"
    " for each other spin, and count for as much as those that work",
  )  # fmt: skip
  parser.add_argument(
    "--quick", action="store_true", help="does it run?  A tiny network, once: no figure to quote"
  )
  return parser


if __name__ == "__main__":
  main(sys.argv[1:])
