"""The command line: parses flags, calls one function, turns errors into sentences."""

import argparse
from collections.abc import Callable, Sequence
import dataclasses
import errno
import hashlib
import pathlib
import sys
from typing import Any, NoReturn

from codegen_jax import config as gin_config
from codegen_jax import supervise
from codegen_jax.errors import Diverged, InputError, Preempted
from codegen_jax.inference import flags as sampling
from codegen_jax.inspection import command as inspection
from codegen_jax.plan import command as planning
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
  from codegen_jax.run_config import RunConfig
  from codegen_jax.training import loop

  loaded = gin_config.load(RunConfig, gin_files, bindings, search_paths)
  loop.train(loaded.config.train, workdir, gin_text=loaded.gin_text, label=label)


def evaluate(
  gin_files: Sequence[str],
  bindings: Sequence[str],
  workdir: pathlib.Path,
  *,
  search_paths: Sequence[str] = (),
) -> dict[str, Any]:
  """Measures the workdir's newest checkpoint; returns and writes the results of each mixture."""
  from codegen_jax.evaluation import runner
  from codegen_jax.inference import scoring
  from codegen_jax.run_config import RunConfig

  run = gin_config.load(RunConfig, gin_files, bindings, search_paths).config
  if not run.evaluation.held_out:
    raise InputError(
      "there is nothing to evaluate on; name mixtures, e.g."
      " --gin.HELD_OUT=\"('local_code_clm', 'local_prose_clm')\""
    )
  step, scorer = scoring.load_scorer(
    workdir,
    model=run.train.model,
    attention=run.train.attention,
    partitioning_config=run.train.partitioning,
    batch_size=run.evaluation.batch_size,
    loss_chunks=run.train.loss_chunks,
  )
  return runner.evaluate(
    run.evaluation,
    workdir,
    data=run.train.data,
    step=step,
    scorer=scorer,
    scored_by={
      "attention": run.train.attention,
      "model": dataclasses.asdict(run.train.model),
      # The same step of another training in this folder is another model.
      "run": hashlib.sha256((workdir / "config.json").read_bytes()).hexdigest(),
    },
  )


def sample(
  gin_files: Sequence[str],
  bindings: Sequence[str],
  search_paths: Sequence[str],
  flags: argparse.Namespace,
) -> None:
  """Completes prompts with the workdir's newest checkpoint."""
  from codegen_jax.data import mixture
  from codegen_jax.inference import command
  from codegen_jax.inference.language_model import LanguageModel
  from codegen_jax.run_config import RunConfig

  run = gin_config.load(RunConfig, gin_files, bindings, search_paths).config.train
  tasks, _ = mixture.resolve(run.data.mixture)
  vocabulary: Any = mixture.vocabulary(tasks[0])
  model = LanguageModel.load(
    flags.workdir, model=run.model, attention=run.attention,
    partitioning_config=run.partitioning, vocabulary=vocabulary, chunk=4,
  )  # fmt: skip
  command.run(model, vocabulary, flags)


def _evaluate_and_print(*args, **kwargs) -> None:
  results = evaluate(*args, **kwargs)
  width = max(map(len, results))
  for mixture, result in results.items():
    counts = result["counts"]
    print(
      f"{mixture:{width}}  {result['metrics']['bits_per_byte']:.4f} bits per byte"
      f"  ({counts['bytes']:,} bytes of {counts['documents']} held-out documents)"
    )


COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
  "train": (train, "train what the gin files say; the same command continues a stopped run"),
  "evaluate": (_evaluate_and_print, "held-out bits per byte of a workdir's newest checkpoint"),
}


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="codegen-jax", description="Ablations of code language models in JAX."
  )
  commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
  for name, (_, text) in COMMANDS.items():
    command = commands.add_parser(
      name,
      help=text,
      description=text[0].upper() + text[1:] + ".",
      epilog=GIN_HELP,
      formatter_class=argparse.RawDescriptionHelpFormatter,
      allow_abbrev=False,
    )
    if name == "train":
      command.add_argument(
        "--skip_steps",
        action="append",
        default=[],
        metavar="FIRST:LAST",
        help="steps to jump over with their data, e.g. 1200:1250; repeatable",
      )
    command.add_argument("--workdir", required=True, type=pathlib.Path, help="the run's folder")
    group = command.add_argument_group("several processes")
    group.add_argument("--coordinator", help="HOST:PORT of process 0")
    group.add_argument("--num_processes", type=int)
    group.add_argument("--process_id", type=int)
  inspection.add_to(commands)
  planning.add_to(commands, GIN_HELP)
  sampling.add_to(commands, GIN_HELP)
  return parser


def main(argv: Sequence[str]) -> None:
  from codegen_jax import distributed

  if argv[:1] == [supervise.NAME]:
    sys.exit(supervise.run(argv[1:]))
  gin_files, bindings, search_paths, rest = gin_config.parse_gin_flags(list(argv))
  flags = _parser().parse_args(rest)
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
  command, _ = COMMANDS[flags.command]
  command(gin_files, bindings, flags.workdir, search_paths=search_paths)


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
    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
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
