"""The command line: parses flags, calls one function, turns errors into sentences."""

import argparse
from collections.abc import Callable, Sequence
import errno
import pathlib
import sys
from typing import NoReturn

from codegen_jax import config as gin_config
from codegen_jax import evaluate as evaluating
from codegen_jax import supervise
from codegen_jax.errors import Diverged, InputError, Preempted
from codegen_jax.inference import flags as sampling
from codegen_jax.inspection import command as inspection
from codegen_jax.interop import flags as converting
from codegen_jax.plan import command as planning
from codegen_jax.prepare import command as preparing
from codegen_jax.quiet import import_tensorflow, quiet

# What a supervisor reads: 0 done, 1 a bug, 2 input that cannot work, 3 diverged, 75 preempted
# (start again), 130 interrupted.
INPUT, DIVERGED, PREEMPTED, INTERRUPTED = 2, 3, 75, 130

GIN_HELP = """\
configuration, as in t5x:
  --gin_file=FILE            a gin file; repeatable, later ones win
  --gin.NAME=VALUE           one binding, e.g. --gin.TOTAL_STEPS=100; wins over every file
  --gin_search_paths=A,B     where includes are looked for, before this checkout
"""


def train(
  gin_files: Sequence[str],
  bindings: Sequence[str],
  workdir: pathlib.Path,
  *,
  search_paths: Sequence[str] = (),
  label: str = "train",
) -> None:
  """Trains what the gin files say, from the workdir's newest checkpoint if it has one."""
  from codegen_jax import measure
  from codegen_jax.run_config import RunConfig
  from codegen_jax.training import loop

  loaded = gin_config.load(RunConfig, gin_files, bindings, search_paths)
  config = loaded.config
  loop.train(
    config.train, workdir, gin_text=loaded.gin_text, label=label,
    evaluate=measure.while_training(config, workdir),
  )  # fmt: skip


def sample(
  gin_files: Sequence[str],
  bindings: Sequence[str],
  search_paths: Sequence[str],
  flags: argparse.Namespace,
) -> None:
  """Completes prompts with a checkpoint of the workdir."""
  from codegen_jax import measure
  from codegen_jax.inference import command
  from codegen_jax.run_config import RunConfig

  config = gin_config.load(RunConfig, gin_files, bindings, search_paths).config
  model, vocabulary = measure.load_model(config, flags.workdir, flags.step, chunk=4)
  command.run(model, vocabulary, flags)


def convert(flags: argparse.Namespace, *, gin_flags: bool) -> None:
  """Brings a model of transformers here, or one of ours there."""
  if gin_flags:
    raise InputError("convert reads a model's own config and takes no gin flags; leave them out")
  import_tensorflow()
  from codegen_jax.interop import command

  command.execute(flags)


TRAIN_HELP = "train what the gin files say; the same command continues a stopped run"


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="codegen-jax", description="Ablations of code language models in JAX."
  )
  commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
  training = commands.add_parser(
    "train",
    help=TRAIN_HELP,
    description=TRAIN_HELP[0].upper() + TRAIN_HELP[1:] + ".",
    epilog=GIN_HELP,
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  training.add_argument(
    "--skip_steps",
    action="append",
    default=[],
    metavar="FIRST:LAST",
    help="steps to jump over with their data, e.g. 1200:1250; repeatable",
  )
  training.add_argument("--workdir", required=True, type=pathlib.Path, help="the run's folder")
  for command in (training, evaluating.add_to(commands, GIN_HELP)):
    group = command.add_argument_group("several processes")
    group.add_argument("--coordinator", help="HOST:PORT of process 0")
    group.add_argument("--num_processes", type=int)
    group.add_argument("--process_id", type=int)
  inspection.add_to(commands)
  planning.add_to(commands, GIN_HELP)
  sampling.add_to(commands, GIN_HELP)
  converting.add_to(commands)
  preparing.add_to(commands, GIN_HELP)
  return parser


def main(argv: Sequence[str]) -> None:
  from codegen_jax import distributed

  if argv[:1] == [supervise.NAME]:
    sys.exit(supervise.run(argv[1:]))
  gin_files, bindings, search_paths, rest = gin_config.parse_gin_flags(list(argv))
  flags, unknown = _parser().parse_known_args(rest)
  if flags.command == preparing.NAME:  # what it does not know is Beam's
    preparing.run(gin_files, bindings, search_paths, flags, unknown)
    return
  if unknown:
    _parser().parse_args(rest)  # says which, and leaves
  if flags.command == inspection.NAME:
    if len(rest) < len(argv):
      raise InputError(
        "inspect reads a mixture by its name and takes no gin flags; name it, e.g. codegen-jax"
        " inspect local_code_clm"
      )
    inspection.check(flags)
    import_tensorflow()
    inspection.run(flags)
    return
  if flags.command == converting.NAME:
    convert(flags, gin_flags=len(rest) < len(argv))
    return
  if not gin_files:
    raise InputError(
      f"{flags.command} needs a --gin_file, e.g."
      " --gin_file=gin_configs/ablations/lesson1_prefix.gin"
    )
  if flags.command == planning.NAME:
    planning.check(flags)
    import_tensorflow()
    planning.run(gin_files, bindings, search_paths, flags)
    return
  if flags.command == sampling.NAME:
    sampling.settings(flags)
    import_tensorflow()
    sample(gin_files, bindings, search_paths, flags)
    return
  bindings = [*bindings, *_skip_steps(flags)]
  import_tensorflow()
  distributed.initialize(flags.coordinator, flags.num_processes, flags.process_id)
  if flags.command == evaluating.NAME:
    evaluating.run(
      gin_files, bindings, flags.workdir, search_paths=search_paths,
      names=flags.benchmarks, limit=flags.limit, step=flags.step,
    )  # fmt: skip
    return
  train(gin_files, bindings, flags.workdir, search_paths=search_paths)


def _skip_steps(flags: argparse.Namespace) -> list[str]:
  """The flag as the gin binding that it stands for."""
  ranges = []
  for text in getattr(flags, "skip_steps", []):
    first, colon, last = text.partition(":")
    if not (colon and first.isdecimal() and last.isdecimal()):
      raise InputError(f"--skip_steps is {text!r}; write the first and the last step, as 1200:1250")
    ranges.append((int(first), int(last)))
  return [f"SKIP_STEPS = {tuple(ranges)}"] if ranges else []


def exit_with_sentences(command: Callable[[], None], program: str) -> NoReturn:
  """Runs a command line's command; what a user can act on becomes a sentence and an exit code."""
  quiet()
  try:
    command()
  except InputError as error:
    _leave(program, str(error), INPUT)
  except KeyboardInterrupt:
    _leave(program, "interrupted; the same command continues", INTERRUPTED)
  except Preempted as error:
    _leave(program, f"preempted; step {error.args[0]} is saved, start again to continue", PREEMPTED)
  except Diverged as error:
    _leave(program, str(error), DIVERGED)
  except OSError as error:
    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG):
      raise
    what = error.filename or "a file of the run"
    _leave(
      program, f"{what} cannot be written ({error.strerror}); make room and start again", INPUT
    )
  sys.exit(0)


def _leave(program: str, sentence: str, code: int) -> NoReturn:
  print(f"{program}: {sentence}", file=sys.stderr, flush=True)
  if code != PREEMPTED and "jax" in sys.modules:  # preempted are all, at the same step
    import jax

    if jax.distributed.is_initialized() and jax.process_count() > 1:
      from codegen_jax import endings

      endings.leave(code, sentence)
  sys.exit(code)


def run() -> NoReturn:
  exit_with_sentences(lambda: main(sys.argv[1:]), "codegen-jax")


if __name__ == "__main__":
  run()
