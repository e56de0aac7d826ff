"""The command line of `python -m experiments.report`: pages anew, numbers kept, all on one page."""

import argparse
from collections.abc import Sequence
import json
import pathlib

from codegen_jax.errors import InputError
from codegen_jax.files import write_bytes
from experiments import experiment, index, kept, report


def main(argv: Sequence[str]) -> None:
  flags = _parser().parse_args(argv)
  if flags.all == (flags.experiment is not None):
    raise InputError("name one experiment, or give --all")
  if flags.all:
    if flags.keep:
      raise InputError("--keep keeps the results of one experiment; name it in place of --all")
    if not flags.results.is_dir():
      raise InputError(f"there is no folder {flags.results} (--results); keep a result first")
    path = index.write(flags.results, flags.runs, flags.out or flags.runs / "index.html")
    print(f"index: {path}\n       {path.with_suffix('.html')}")
    return
  if flags.out:
    raise InputError("--out is where --all writes its page; leave it out")
  experiment.load(flags.experiment)
  experiment.scale_file(flags.scale)
  _one(flags)


def _one(flags: argparse.Namespace) -> None:
  name, scale = flags.experiment, flags.scale
  folder = experiment.report_folder(flags.runs, name, scale)
  made, committed = folder / report.RESULTS, kept.path(flags.results, name, scale)
  if not made.exists() and (flags.keep or not committed.exists()):
    raise InputError(f"{made} is not there; {index.command(name, scale)} makes it")
  content = kept.read(made if made.exists() else committed)
  if flags.keep:
    slim = kept.slim(content)
    flags.results.mkdir(parents=True, exist_ok=True)
    data = json.dumps(slim, indent=1, allow_nan=False).encode() + b"\n"
    write_bytes(committed, data)
    dirty = slim["uncommitted_changes"]
    print(f"kept: {committed} ({len(data):,} bytes)")
    if dirty:
      print("      it says that the checkout had changes which were not committed")
    return
  path = report.again(content, folder)
  print(f"report: {path}\n        {path.with_suffix('.html')}")


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="python -m experiments.report",
    description=report.__doc__,
    epilog=f"experiments: {', '.join(experiment.names())}",
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  parser.add_argument("experiment", metavar="EXPERIMENT", nargs="?")
  parser.add_argument(
    "--scale", default="demo", help=f"{', '.join(experiment.scales())} (default: demo)"
  )
  parser.add_argument(
    "--keep", action="store_true", help="write results/EXPERIMENT.SCALE.json, to be committed"
  )
  parser.add_argument(
    "--all", action="store_true", help="one page over everything in results/ and runs/"
  )
  parser.add_argument(
    "--runs", type=pathlib.Path, default=experiment.ROOT / "runs", help="folder of all runs (runs)"
  )
  parser.add_argument(
    "--results", type=pathlib.Path, default=kept.FOLDER, help="folder of kept results (results)"
  )
  parser.add_argument("--out", type=pathlib.Path, help="of --all (default: runs/index.html)")
  return parser
