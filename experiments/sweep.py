r"""Tries settings of a run: a grid or random draws, each trial trained, measured and ranked.

  python -m experiments.sweep gin_configs/ablations/lesson1_causal.gin --scale=demo \
    --grid 'PEAK_RATE=1e-3,3e-3' --grid 'BATCH_SIZE=8,16'
  python -m experiments.sweep gin_configs/ablations/lesson1_causal.gin --scale=demo \
    --random 'PEAK_RATE=log(1e-4,1e-2)' --trials=8 --seed=0 --gin.END_RATE=0.0

Interrupt it and run it again: finished trials stay, those that were running continue.
"""

import argparse
from collections.abc import Sequence
import pathlib
import shlex
import sys

from codegen_jax import config as gin_config
from codegen_jax import distributed
from codegen_jax import main as codegen_jax
from codegen_jax.errors import InputError
from codegen_jax.quiet import import_tensorflow
from experiments import experiment, sweep_space


def main(argv: Sequence[str]) -> None:
  gin_files, bindings, search_paths, rest = gin_config.parse_gin_flags(list(argv))
  flags = _parser().parse_args(rest)
  if bool(flags.grid) == bool(flags.random):
    raise InputError("give --grid, or --random, with at least one setting: --grid 'PEAK_RATE=1,2'")
  if flags.seeds < 1:
    raise InputError(f"--seeds is {flags.seeds}; a trial needs at least 1")
  if flags.grid:
    trials = sweep_space.grid(flags.grid)
    log = []
  else:
    trials = sweep_space.drawn(flags.random, trials=flags.trials, seed=flags.seed)
    log = [name for name, one in sweep_space.space(flags.random).items() if one.kind == "log"]
  scale = [experiment.scale_file(flags.scale)] if flags.scale else []

  import_tensorflow()
  # They import TensorFlow too, which is quiet only now.
  from experiments import pool, sweep_report, sweep_trials
  from experiments.jobs import Flags

  folder = flags.runs / "sweeps" / (flags.name or pathlib.Path(flags.gin_files[0]).stem)
  sweep = sweep_trials.Sweep(
    (*flags.gin_files, *scale),
    Flags(tuple(gin_files), tuple(bindings), tuple(search_paths)),
    folder,
    flags.seeds,
    flags.metric,
  )
  planned, asked = sweep.plan(trials)
  jobs = sweep_trials.left(planned, asked)
  distributed.initialize()
  at_once = pool.default_jobs() if flags.jobs is None else flags.jobs
  done = len(planned) * flags.seeds - len(jobs)
  print(
    f"{len(planned)} trials, {len(jobs)} runs to train ({done} are finished)",
    file=sys.stderr,
    flush=True,
  )
  try:
    pool.do(jobs, lambda job: None, at_once=at_once)
  except pool.RunFailedError as error:
    print(f"experiments.sweep: {error}", file=sys.stderr, flush=True)
    sys.exit(error.code)
  rows = sweep_report.collect(planned, asked)
  command = f"python -m experiments.sweep {shlex.join(argv)}"
  path = sweep_report.write(rows, folder / "report", asked=asked, command=command, log=log)
  print(sweep_report.table(rows, asked).markdown())
  print(f"\nreport: {path}\n        {path.with_suffix('.html')}")


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="python -m experiments.sweep",
    description=f"{__doc__}\n{sweep_space.__doc__}",
    epilog="--gin_file=FILE and --gin.NAME=VALUE are laid over every trial.",
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  parser.add_argument("gin_files", metavar="GIN_FILE", nargs="+")
  parser.add_argument("--grid", action="append", default=[], metavar="NAME=A,B")
  parser.add_argument("--random", action="append", default=[], metavar="NAME=log(A,B)")
  parser.add_argument("--trials", type=int, default=8, help="to draw (8)")
  parser.add_argument("--seed", type=int, default=0, help="of what is drawn (0)")
  parser.add_argument("--seeds", type=int, default=1, help="that each trial is trained with (1)")
  parser.add_argument("--scale", help=f"laid over the files: {', '.join(experiment.scales())}")
  parser.add_argument(
    "--metric", default="", help="MIXTURE/bits_per_byte or so (the first of HELD_OUT)"
  )
  parser.add_argument("--name", help="of its folder (the first gin file's)")
  parser.add_argument("--runs", type=pathlib.Path, default=experiment.ROOT / "runs")
  parser.add_argument("--jobs", type=int, help="runs at a time (as many as cores and memory hold)")
  return parser


if __name__ == "__main__":
  codegen_jax.exit_with_sentences(lambda: main(sys.argv[1:]), "experiments.sweep")
