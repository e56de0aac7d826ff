"""`codegen-jax inspect`: its flags, and what it does with them."""

import argparse
from collections.abc import Iterator
import importlib
import io
import os
import pathlib
import pkgutil
import shutil
import sys
import time

from codegen_jax import files
from codegen_jax.errors import InputError

NAME = "inspect"
HELP = "show rows of a mixture as the model sees them, and count what they hold"
EXAMPLES = """\
examples:
  codegen-jax inspect --list
  codegen-jax inspect local_code_psm --rows=2 --attention=prefix --html=rows.html
"""


def add_to(commands: argparse._SubParsersAction) -> None:
  parser = commands.add_parser(
    NAME,
    help=HELP,
    description=HELP[0].upper() + HELP[1:] + ".",
    epilog=EXAMPLES,
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  add = parser.add_argument
  add("mixture", nargs="?", metavar="MIXTURE", help="a task or a mixture; --list prints them")
  add("--list", action="store_true", help="print the names of all tasks and mixtures")
  add("--rows", type=int, default=3, metavar="N", help="how many rows to show (3)")
  add("--count", type=int, default=256, metavar="N", help="how many rows to count (256)")
  add("--seq_len", type=int, default=256, metavar="L", help="places of a row (256)")
  add("--seed", type=int, default=0, metavar="N", help="of the order of rows and of the noise (0)")
  add("--split", default="train", help="train or validation (train)")
  add(
    "--attention",
    choices=("causal", "prefix", "bidirectional"),
    help="decides what is scored (causal; bidirectional where tokens are asked for in place)",
  )
  add("--html", type=pathlib.Path, metavar="FILE", help="also write one HTML page")
  add("--color", choices=("auto", "always", "never"), default="auto",
      help="auto: on a terminal, unless NO_COLOR is set")  # fmt: skip
  add("--tasks", default="tasks", metavar="PACKAGE",
      help="the package or module that registers the mixtures (tasks)")  # fmt: skip


def check(flags: argparse.Namespace) -> None:
  """Raises InputError for what is known to fail before anything is read."""
  for name, least in {"rows": 1, "count": 1, "seq_len": 2}.items():
    if (given := getattr(flags, name)) < least:
      raise InputError(f"--{name} is {given}; give a number from {least} on")
  if flags.html is not None:
    _check_writable(flags.html)
  if not flags.list and flags.mixture is None:
    raise InputError("inspect needs the name of a mixture; `codegen-jax inspect --list` prints all")


def run(flags: argparse.Namespace) -> None:
  """TensorFlow, which seqio imports, has to be imported before."""
  import_tasks(flags.tasks)
  lines = names() if flags.list else _inspect(flags)
  _print(lines)


def names() -> list[str]:
  """All that is registered."""
  import seqio

  return sorted({*seqio.TaskRegistry.names(), *seqio.MixtureRegistry.names()})


def _inspect(flags: argparse.Namespace) -> list[str]:
  import jax

  from codegen_jax.data.pipeline import DataConfig, Reader
  from codegen_jax.inspection import html, marks, terminal
  from codegen_jax.inspection.tally import tally
  from codegen_jax.models.masks import Attention

  # An accelerator is of no use here, and a run may hold it.
  jax.config.update("jax_platforms", "cpu")
  config = DataConfig(
    flags.mixture, seq_len=flags.seq_len, batch_size=1, seed=flags.seed, split=flags.split
  )
  if sys.stderr.isatty():  # a corpus may take a while, above all the first time
    print(f"inspect  opening {flags.mixture}", file=sys.stderr, flush=True)
  reader = Reader(config)
  attention: Attention = "bidirectional" if reader.in_place else "causal"
  attention = flags.attention or attention
  report = tally(reader, _told(flags.count), attention)
  rows = range(flags.rows)
  if flags.html is not None:
    try:
      files.write_text(flags.html, html.page(reader, rows, report))
    except OSError as error:
      raise InputError(
        f"cannot write {flags.html} ({error.strerror}); choose another file for --html"
      ) from error
  kind = marks.Colours if _has_colours(flags.color) else marks.Signs
  width = min(shutil.get_terminal_size((100, 24)).columns, 100)
  return list(terminal.text(reader, rows, report, marks=kind(attention), width=width))


def import_tasks(name: str) -> None:
  """Imports what registers mixtures: a module, or a package with all that is in it."""
  if not all(part.isidentifier() for part in name.split(".")):
    raise InputError(
      f"--tasks is {name!r}; name a package or a module as Python imports it, e.g. tasks or"
      " tasks.local"
    )
  sys.path.insert(0, str(pathlib.Path.cwd()))  # an installed command starts without it
  try:
    found = importlib.import_module(name)
  except ModuleNotFoundError as error:
    if error.name is None or not f"{name}.".startswith(f"{error.name}."):
      raise  # something that the module itself imports
    raise InputError(
      f"there is no module {error.name!r} here or where Python looks; start in the folder that"
      " holds it, or name another with --tasks"
    ) from error
  for module in pkgutil.walk_packages(getattr(found, "__path__", ()), f"{name}."):
    if not module.name.endswith(".__main__"):
      importlib.import_module(module.name)


def _check_writable(file: pathlib.Path) -> None:
  if file.is_dir():
    raise InputError(f"--html is {file}, a folder; name a file in it, e.g. {file / 'rows.html'}")
  if not file.parent.is_dir():
    raise InputError(f"--html is {file}, and there is no folder {file.parent}; make it first")


def _has_colours(asked: str) -> bool:
  # https://no-color.org: any value but the empty one
  wanted = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
  return asked == "always" or (asked == "auto" and wanted)


def _told(count: int) -> Iterator[int]:
  """The indices, with a line on stderr every few seconds."""
  live = sys.stderr.isatty()
  every, end = (1.0, "\r") if live else (10.0, "\n")
  shown = time.monotonic()
  for index in range(count):
    if time.monotonic() - shown > every:
      shown = time.monotonic()
      print(f"inspect  {index:,} of {count:,} rows counted", end=end, file=sys.stderr, flush=True)
    yield index
  if live:
    print("\x1b[K", end="", file=sys.stderr, flush=True)


def _print(lines: list[str]) -> None:
  if isinstance(sys.stdout, io.TextIOWrapper):
    sys.stdout.reconfigure(errors="replace")  # a terminal may lack the signs
  try:
    print("\n".join(lines), flush=True)
  except BrokenPipeError:  # `| head` has read enough
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
