"""Creates, starts, watches, restarts and deletes what runs an experiment (docs/launch.md).

  python -m experiments.launch lesson1_prefix_lm --scale=demo --target=local --processes=2

prints files and commands in order, ready to paste, and what the runs will cost.  --out=FOLDER
writes them as scripts, --run runs them.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
import pathlib
import subprocess
import sys

from codegen_jax import checkout
from codegen_jax import config as gin_config
from codegen_jax import main as codegen_jax
from codegen_jax.errors import InputError
from codegen_jax.plan import topology
from codegen_jax.quiet import import_tensorflow
from experiments import experiment
from experiments.launching import execute, jobset, local, show, slurm, tpu_vm, xpk
from experiments.launching.plan import Plan
from experiments.launching.request import Request, default_name

TARGETS: Mapping[str, Callable[[Request], Plan]] = {
  "gke-xpk": xpk.plan,
  "jobset": jobset.plan,
  "tpu-vm": tpu_vm.plan,
  "slurm": slurm.plan,
  "local": local.plan,
}
HERE = ("slurm", "local")  # run in this very checkout, others in one of its commit


def main(argv: Sequence[str]) -> None:
  gin_files, bindings, search_paths, rest = gin_config.parse_gin_flags(list(argv))
  flags = _parser().parse_args(rest)
  asked = experiment.load(flags.experiment)
  experiment.scale_file(flags.scale)
  seeds = asked.seeds if flags.seeds is None else flags.seeds
  if seeds < 1:
    raise InputError(f"--seeds is {seeds}; an experiment needs at least 1")
  gin_flags = [
    *(f"--gin_file={name}" for name in gin_files),
    *(f"--gin_bindings={binding}" for binding in bindings),
    *(f"--gin_search_paths={name}" for name in search_paths),
  ]
  request = _request(flags, gin_flags)
  plan = TARGETS[flags.target](request)
  if flags.run:
    execute.check_tools(plan)
  if flags.target not in HERE:
    _check_checkout([*gin_files, *search_paths])
  estimate = request.topology is not None if flags.estimate is None else flags.estimate
  costs = _costs(flags, seeds, gin_files, bindings, search_paths) if estimate else ""
  if costs and (flags.run or flags.out):
    print(costs, file=sys.stderr, flush=True)
  if flags.run:
    folder = flags.out or experiment.ROOT / "runs" / "launches" / request.name
    sys.exit(execute.run(plan, folder.absolute()))
  if flags.out:
    for path in show.write(plan, flags.out):
      print(path)
  else:
    print(show.text(plan, costs), end="")


def _request(flags: argparse.Namespace, gin_flags: Sequence[str]) -> Request:
  where = topology.parse(flags.topology) if flags.topology else None
  output = flags.output
  if flags.target in HERE:
    output = str(pathlib.Path(output or experiment.ROOT / "runs").absolute())
  environment = dict(pair.partition("=")[::2] for pair in flags.env)
  return Request(
    experiment=flags.experiment,
    scale=flags.scale,
    name=flags.name or default_name(flags.experiment, flags.scale),
    output=output,
    flags=(*gin_flags, *([f"--seeds={flags.seeds}"] if flags.seeds else [])),
    environment=environment,
    commit=_commit(),
    restarts=flags.restarts,
    topology=where,
    project=flags.project,
    zone=flags.zone,
    cluster=flags.cluster,
    image=flags.image,
    spot=flags.spot,
    queued=flags.queued,
    processes=flags.processes,
    devices=flags.devices or (where.chips if where else 0),
    sbatch=tuple(flags.sbatch),
  )


def _commit() -> str:
  """All of its digits, which any machine knows it by."""
  ask = ["git", "-C", str(experiment.ROOT), "rev-parse", "HEAD"]
  try:
    return subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
  except (OSError, subprocess.CalledProcessError):
    return "HEAD"


def _check_checkout(named: Sequence[str]) -> None:
  """Machines elsewhere get the commit, and what it does not hold is not there."""
  commit = checkout.commit()
  if commit is None:
    raise InputError("this is no git checkout, and hosts are given its commit; launch from a clone")
  for name in named:
    if not (experiment.ROOT / name).resolve().is_relative_to(experiment.ROOT):
      raise InputError(f"{name} lies outside of the checkout that hosts are given; commit it there")
  if commit.endswith("+"):
    print(
      f"launch: files differ from commit {commit[:-1]}; hosts get the commit alone",
      file=sys.stderr,
      flush=True,
    )


def _costs(
  flags: argparse.Namespace,
  seeds: int,
  gin_files: Sequence[str],
  bindings: Sequence[str],
  search_paths: Sequence[str],
) -> str:
  if not flags.topology:
    raise InputError("--estimate needs a --topology, e.g. v4-256")
  import_tensorflow()
  # It imports TensorFlow too, which is quiet only now.
  from experiments.jobs import Flags
  from experiments.launching import estimate

  found = estimate.costs(
    experiment.load(flags.experiment),
    scale=flags.scale,
    seeds=seeds,
    flags=Flags(tuple(gin_files), tuple(bindings), tuple(search_paths)),
    topology=flags.topology,
  )
  told = estimate.text(found, seeds=seeds, dollars=flags.dollars_per_chip_hour)
  if flags.run and not all(cost.fits for cost in found):
    print(told, file=sys.stderr, flush=True)
    raise InputError("a run does not fit; see codegen-jax plan --sweep, or give --no-estimate")
  return told


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="python -m experiments.launch",
    description=__doc__,
    epilog="--gin_file=FILE and --gin.NAME=VALUE are laid over every run.\n"
    f"experiments: {', '.join(experiment.names())}",
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  add = parser.add_argument
  add("experiment", metavar="EXPERIMENT")
  add("--scale", default="demo", help=f"{', '.join(experiment.scales())} (demo)")
  add("--target", required=True, choices=[*TARGETS], help="where")
  add("--seeds", type=int, help="seeds 0 .. SEEDS - 1 of each arm")
  add("--name", default="", help="of everything that is made (the experiment's and the scale's)")
  add("--output", default="", help="the folder of all runs: gs://BUCKET/FOLDER, or a path")
  add("--env", action="append", default=[], metavar="NAME=VALUE",
      help="a variable of every process, e.g. where corpora are; repeatable")  # fmt: skip
  add("--restarts", type=int, default=50, help="after pre-emptions (50)")
  group = parser.add_argument_group("machines")
  add = group.add_argument
  add("--topology", default="", help="a slice as codegen-jax plan takes it: v4-256, v5e-64")
  add("--project", default="", help="of Google Cloud")
  add("--zone", default="", help="of Google Cloud, e.g. us-central2-b")
  add("--cluster", default="", help="one that is there, and stays (one is made, and deleted)")
  add("--image", default="", help="REGISTRY/NAME:TAG of the container that create builds")
  add("--spot", action="store_true", help="machines that may be taken away")
  add("--queued", action="store_true", help="tpu-vm: wait until there is a slice")
  add("--processes", type=int, default=1, help="local, slurm: how many (1)")
  add("--devices", type=int, default=0, help="of all processes, for the preflight (the slice's)")
  add("--sbatch", action="append", default=[], metavar="FLAG",
      help="slurm: a further flag, e.g. --sbatch=--partition=gpu; repeatable")  # fmt: skip
  group = parser.add_argument_group("what is done")
  add = group.add_argument
  add("--out", type=pathlib.Path, help="write scripts to this folder instead of printing them")
  add("--run", action="store_true", help="run the steps one after another")
  add("--estimate", action=argparse.BooleanOptionalAction,
      help="tell days and chip-hours, compiled; minutes (where there is a --topology)")  # fmt: skip
  add("--dollars_per_chip_hour", type=float, help="what you pay, to be told a price")
  return parser


if __name__ == "__main__":
  codegen_jax.exit_with_sentences(lambda: main(sys.argv[1:]), "experiments.launch")
