"""The flags of `codegen-jax sample`."""

import argparse
import pathlib

from codegen_jax.checkpoint import steps
from codegen_jax.errors import InputError
from codegen_jax.inference.settings import SamplingConfig

NAME = "sample"
HELP = "complete a prompt, fill a hole in a file, or answer prompts that are typed"
EPILOG = """\
examples, each with the --gin_file and the --workdir that trained the model:
  codegen-jax sample ... --prompt='def fibonacci(n):' --temperature=0
  codegen-jax sample ... --file=half.py --layout=psm --num_samples=3    # half.py has one <FILL>
  codegen-jax sample ...                                               # prompts, one a line
"""


def add_to(commands: argparse._SubParsersAction, gin_help: str) -> None:
  parser = commands.add_parser(
    NAME,
    help=HELP,
    description=HELP[0].upper() + HELP[1:] + ".",
    epilog=gin_help + "\n" + EPILOG,
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  add = parser.add_argument
  add("--workdir", required=True, type=pathlib.Path, help="the run's folder")
  add("--step", type=steps.named, help="of the checkpoint: a number, or best (the newest)")
  given = parser.add_mutually_exclusive_group()
  given.add_argument("--prompt", help="text to go on with")
  given.add_argument("--file", type=pathlib.Path, help="a text with one <FILL>, which is filled")
  add("--layout", choices=("codegen2", "psm", "spm"), default="codegen2",
      help="how the model learned to infill (codegen2)")  # fmt: skip
  add("--temperature", type=float, default=0.2, metavar="T", help="0 is greedy (0.2)")
  add("--top_p", type=float, metavar="P", help="(0.95; greedy has none)")
  add("--top_k", type=int, default=0, metavar="K", help="0 keeps all (0)")
  add("--max_new_tokens", type=int, default=256, metavar="N", help="(256)")
  add("--num_samples", type=int, default=1, metavar="N", help="of each prompt (1)")
  add("--seed", type=int, default=0, metavar="N", help="the same seed, the same samples (0)")
  add("--stop", action="append", default=[], metavar="TEXT",
      help="cut before this text; repeatable")  # fmt: skip


def settings(flags: argparse.Namespace) -> SamplingConfig:
  """Of the flags.

  Raises:
    InputError: they cannot work.
  """
  if flags.num_samples < 1:
    raise InputError(f"--num_samples is {flags.num_samples}; give a number from 1 on")
  top_p = flags.top_p if flags.top_p is not None else 0.95 if flags.temperature else 1.0
  config = SamplingConfig(
    temperature=flags.temperature, top_p=top_p, top_k=flags.top_k, seed=flags.seed,
    max_new_tokens=flags.max_new_tokens, stop_strings=tuple(flags.stop),
    batch_size=min(flags.num_samples, 16),
  )  # fmt: skip
  if flags.file is not None and flags.stop:
    raise InputError("--stop goes with a prompt; a hole in a --file is filled to its end token")
  return config
