"""`codegen-jax plan`: its flags, and what it does with them."""

import argparse
from collections.abc import Sequence
import json
import pathlib
import sys
import time

from codegen_jax import files
from codegen_jax.errors import InputError
from codegen_jax.plan import topology

NAME = "plan"
HELP = "compile the training step for a TPU pod that is not there: does it fit, how fast is it?"
EPILOG = """\
It needs no TPU, but libtpu on Linux x86 (pip install 'codegen-jax[plan]'), one to several minutes,
and 2 to 4 GB of memory.

example:
  codegen-jax plan --gin_file=gin_configs/ablations/lesson1_causal.gin \\
    --gin_file=gin_configs/models/codegen2_1b.gin --gin_file=gin_configs/hardware/v4.gin \\
    --topology=v4-64
"""


def add_to(commands: argparse._SubParsersAction, gin_help: str) -> None:
  parser = commands.add_parser(
    NAME,
    help=HELP,
    description=HELP[0].upper() + HELP[1:],
    epilog=gin_help + "\n" + EPILOG,
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  add = parser.add_argument
  add("--topology", required=True, metavar="NAME",
      help="one slice, e.g. v4:4x4x8, or as it is sold: v4-256, v5e-64, v6e-256")  # fmt: skip
  add("--tokens", type=float, metavar="N",
      help="tokens to train on, e.g. 300e9 (TOTAL_STEPS x BATCH_SIZE x SEQ_LEN)")  # fmt: skip
  add("--decode", type=int, metavar="ROWS",
      help="compile one decoded token for so many rows instead")  # fmt: skip
  add("--json", action="store_true", help="print numbers instead of a text: bytes, seconds, FLOPs")
  add("--hlo", type=pathlib.Path, metavar="FILE", help="also write the compiled program's text")
  group = parser.add_argument_group(
    "sweep", "compiles one plan for each combination, each in a process of its own, and ranks them"
  )
  add = group.add_argument
  add("--sweep", action="store_true", help="try meshes, remat policies and batch sizes")
  add("--meshes", nargs="+", metavar="MESH",
      help="e.g. model=2 data=2,model=4; what a mesh leaves splits weights and rows")  # fmt: skip
  add("--remats", nargs="+", metavar="POLICY",
      help="what the backward pass computes again (full context qkv mlp)")  # fmt: skip
  add("--batches", nargs="+", type=int, metavar="ROWS", help="batch sizes (the config's)")
  add("--jobs", type=int, default=1, metavar="N", help="how many compile at once (1)")


def check(flags: argparse.Namespace) -> topology.Topology:
  """Raises InputError for what is known to fail before anything is compiled."""
  if flags.tokens is not None and flags.tokens < 1:
    raise InputError(f"--tokens is {flags.tokens}; give the tokens to train on, e.g. 300e9")
  if flags.decode is not None and (flags.decode < 1 or flags.sweep):
    raise InputError(
      f"--decode is {flags.decode}; give a number of rows from 1 on, and no --sweep, which ranks"
      " training steps"
    )
  if flags.jobs < 1:
    raise InputError(f"--jobs is {flags.jobs}; give a number from 1 on")
  for name in ("meshes", "remats", "batches"):
    if getattr(flags, name) and not flags.sweep:
      raise InputError(f"--{name} belongs to a sweep; add --sweep")
  return topology.parse(flags.topology)


def run(
  gin_files: Sequence[str],
  bindings: Sequence[str],
  search_paths: Sequence[str],
  flags: argparse.Namespace,
) -> None:
  """Plans one config, or sweeps; TensorFlow, which seqio imports, has to be imported before."""
  where = check(flags)
  import jax

  from codegen_jax import config as gin_config
  from codegen_jax.plan import plan, report, sweep
  from codegen_jax.run_config import RunConfig

  jax.config.update("jax_platforms", "cpu")  # a device that is here is of no use
  # What is compiled for devices that are not here can be written to JAX's cache, but not read.
  jax.config.update("jax_enable_compilation_cache", False)
  config = gin_config.load(RunConfig, gin_files, bindings, search_paths).config.train
  where = topology.Topology(where.chip, where.shape, config.partitioning.slices)
  if flags.sweep:
    flags_of_gin = [
      *[f"--gin_file={name}" for name in gin_files],
      *[f"--gin_bindings={binding}" for binding in bindings],
      *[f"--gin_search_paths={name}" for name in search_paths],
    ]
    variants = sweep.variants(config, where, flags.meshes, flags.remats, flags.batches)
    sweep.run(variants, where, flags_of_gin, flags)
    return
  budget = None if flags.tokens is None else int(flags.tokens)
  print(f"plan  compiling for {where}; this takes minutes", file=sys.stderr, flush=True)
  begun = time.monotonic()
  made: plan.Plan | plan.DecodePlan
  if flags.decode is None:
    made, program = plan.make_plan(config, where, budget=budget)
  else:
    made, program = plan.make_decode_plan(config, where, rows=flags.decode)
  print(f"plan  compiled in {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
  if flags.hlo is not None and program is not None:
    files.write_text(flags.hlo, program)
  print(json.dumps(made.as_json()) if flags.json else report.text(made))
