"""How long a new token takes, beside transformers on PyTorch and a plain loop in JAX.

  python -m benchmarks.decode

The same random weights complete the same prompts greedily to the same number of tokens, in float32.
Ways take turns, each in a process of its own.  README.md says more.
"""

import argparse
from collections.abc import Sequence
import json
import os
import statistics
import sys
from typing import Any

from benchmarks.decoders import workers
from benchmarks.decoders.workers import Worker

WAYS = ("codegen_jax", "transformers", "plain")


def main(argv: Sequence[str]) -> None:
  flags = _parser().parse_args(argv)
  shapes = ("tiny",) if flags.quick else flags.shapes
  rounds, prompt, new = (1, 16, 8) if flags.quick else (flags.rounds, flags.prompt, flags.new)
  absent = workers.absent()
  for sentence in absent.values():
    print(sentence)
  ways = [way for way in WAYS if way not in absent]
  report: dict[str, Any] = {"rounds": rounds, "prompt": prompt, "new": new, "cores": flags.cores}
  report["measured"] = []
  for shape in shapes:
    for batch_size in flags.batch_sizes:
      measured = _measure(shape, batch_size, prompt, new, ways, rounds, flags.cores)
      print(_table(measured, new), flush=True)
      report["measured"].append(measured)
  print(json.dumps(report))


def _measure(
  shape: str, batch_size: int, prompt: int, new: int, ways: Sequence[str], rounds: int, cores: int
) -> dict[str, Any]:
  """Medians of the seconds of each way for all its new tokens, and the tokens that it made."""
  started: dict[str, Worker] = {}
  times: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
  try:
    for way in ways:
      _say(f"{shape}, {batch_size} rows: {way} starts")
      started[way] = Worker(way, shape, batch_size, prompt, new, cores)
    for number in range(1, rounds + 1):
      for way, worker in started.items():
        _say(f"{shape}, {batch_size} rows, round {number} of {rounds}: {way}")
        times[way].append(worker.run())
    tokens = {way: worker.tokens() for way, worker in started.items()}
  finally:
    for worker in started.values():
      worker.stop()
  told = {
    way: {
      "wall": statistics.median(wall for wall, _ in times[way]),
      "cpu": statistics.median(cpu for _, cpu in times[way]),
      "same_tokens": _same(tokens[way], tokens[ways[0]]),
    }
    for way in ways
  }
  return {"shape": shape, "batch_size": batch_size, "ways": told}


def _same(tokens: list[list[int]], others: list[list[int]]) -> float:
  """The share of tokens that agree, of all rows, up to the first of a row that does not."""
  agreed = 0
  for row, other in zip(tokens, others, strict=True):
    differ = [i for i, (a, b) in enumerate(zip(row, other, strict=True)) if a != b]
    agreed += differ[0] if differ else len(row)
  return agreed / sum(map(len, tokens))


def _table(measured: dict[str, Any], new: int) -> str:
  ours = measured["ways"]["codegen_jax"]
  per_token = 1e3 / new
  lines = [
    "\n{shape}, {batch_size} rows".format(**measured),
    f"{'':<14}{'ms a token':>11}{'x':>7}{'CPU ms':>9}{'x':>7}{'same tokens':>13}",
  ]
  for way, told in measured["ways"].items():
    lines.append(
      f"{way:<14}{told['wall'] * per_token:>11.2f}{told['wall'] / ours['wall']:>7.2f}"
      f"{told['cpu'] * per_token:>9.2f}{told['cpu'] / ours['cpu']:>7.2f}"
      f"{told['same_tokens']:>13.0%}"
    )
  return "\n".join(lines)


def _say(what: str) -> None:
  print(what, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="python -m benchmarks.decode",
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  parser.add_argument(
    "--shapes", nargs="+", choices=("tiny", "demo", "8k", "12x768"),
    default=["demo", "8k", "12x768"], metavar="NAME",
    help="demo is gin_configs/models/demo.gin; 8k has 6 layers, d 512 and 8192 ids; 12x768 has 12"
    " layers, d 768 and 51200 ids",
  )  # fmt: skip
  parser.add_argument("--batch_sizes", nargs="+", type=int, default=[1, 8])
  parser.add_argument("--prompt", type=int, default=128, help="tokens of each prompt")
  parser.add_argument("--new", type=int, default=128, help="new tokens of each")
  parser.add_argument("--rounds", type=int, default=5, help="every way takes a turn in each")
  parser.add_argument(
    "--cores", type=int, default=os.cpu_count(),
    help="of each way; on a busy machine 1: PyTorch's threads spin while they wait for each other",
  )  # fmt: skip
  parser.add_argument(
    "--quick", action="store_true", help="does it run?  A tiny network, once: no figure to quote"
  )
  return parser


if __name__ == "__main__":
  main(sys.argv[1:])
