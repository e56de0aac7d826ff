"""Trains and measures every arm and seed of an experiment, then writes its report.

  python -m experiments.run lesson1_prefix_lm --scale=demo

Interrupt it and run it again: finished runs stay, those that were running continue.  A run that
several arms or experiments share is trained once.
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
from experiments import experiment, pool, report


def main(argv: Sequence[str]) -> None:
  gin_files, bindings, search_paths, rest = gin_config.parse_gin_flags(list(argv))
  flags = _parser().parse_args(rest)
  asked = experiment.load(flags.experiment)
  experiment.scale_file(flags.scale)
  if flags.seeds is not None and flags.seeds < 1:
    raise InputError(f"--seeds is {flags.seeds}; an experiment needs at least 1")

  import_tensorflow()
  # They import TensorFlow too, which is quiet only now.
  from experiments import collect
  from experiments.jobs import Flags, Jobs

  jobs = Jobs(
    asked,
    scale=flags.scale,
    seeds=range(flags.seeds or asked.seeds),
    folder=flags.runs,
    flags=Flags(tuple(gin_files), tuple(bindings), tuple(search_paths)),
  )
  jobs.check_data()
  distributed.initialize(flags.coordinator, flags.num_processes, flags.process_id)
  ordered = jobs.ordered()
  at_once = pool.default_jobs() if flags.jobs is None else flags.jobs
  print(f"{len(ordered)} runs, {min(at_once, len(ordered))} at a time", file=sys.stderr, flush=True)
  try:
    pool.do(ordered, jobs.after, at_once=at_once)
  except pool.RunFailedError as error:
    print(f"experiments.run: {error}", file=sys.stderr, flush=True)
    sys.exit(error.code)

  import jax

  if jax.process_index() > 0:  # the first has written what the report reads, and waits for no one
    return
  command = f"python -m experiments.run {shlex.join(_without_places(argv))}"
  results = collect.collect(flags.experiment, jobs, command=command)
  path = report.write(
    results,
    collect.curves(jobs),
    experiment.report_folder(flags.runs, flags.experiment, flags.scale),
    measured=collect.measured_curves(jobs),
  )
  print(report.table(results))
  print(f"\nreport: {path}\n        {path.with_suffix('.html')}")


def _without_places(argv: Sequence[str]) -> list[str]:
  """Where processes met says nothing about what they found."""
  parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
  _add_places(parser)
  return parser.parse_known_args(argv)[1]


def _add_places(parser: argparse.ArgumentParser) -> None:
  group = parser.add_argument_group("several processes, where the machine does not say")
  group.add_argument("--coordinator", help="HOST:PORT of process 0")
  group.add_argument("--num_processes", type=int)
  group.add_argument("--process_id", type=int)


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="python -m experiments.run",
    description=__doc__,
    epilog="--gin_file=FILE and --gin.NAME=VALUE are laid over every run.\n"
    f"experiments: {', '.join(experiment.names())}",
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  parser.add_argument("experiment", metavar="EXPERIMENT")
  parser.add_argument(
    "--scale", default="demo", help=f"{', '.join(experiment.scales())} (default: demo)"
  )
  parser.add_argument("--seeds", type=int, help="seeds 0 .. SEEDS - 1 of each arm")
  parser.add_argument(
    "--runs", type=pathlib.Path, default=experiment.ROOT / "runs", help="folder of all runs (runs)"
  )
  parser.add_argument(
    "--jobs",
    type=int,
    help="runs at a time, each on cores of its own (default: as many as cores and memory hold; 1 on"
    " accelerators)",
  )
  _add_places(parser)
  return parser


if __name__ == "__main__":
  codegen_jax.exit_with_sentences(lambda: main(sys.argv[1:]), "experiments.run")
