"""A plan as one bash script to read and to paste from, or as a folder of scripts."""

from collections.abc import Iterator
import pathlib

from codegen_jax import files
from experiments.launching import shell
from experiments.launching.plan import BY_HAND, NAMES, Command, File, Plan, Step


def text(plan: Plan, costs: str = "") -> str:
  """All files and commands in order, each under a comment; what is by hand is commented out."""
  return "\n".join(_lines(plan, costs)) + "\n"


def write(plan: Plan, folder: pathlib.Path) -> list[pathlib.Path]:
  """A script for each step, and the files that they need; the scripts, in order."""
  folder.mkdir(parents=True, exist_ok=True)
  for file in plan.files():
    _write(folder, file)
  return [_write(folder, script(step)) for step in plan.steps]


def script(step: Step) -> File:
  """`1_create.sh`: runs in the folder where it is."""
  lines = [f"# {step.says}", 'cd "$(dirname "$0")"']
  for command in step.commands:
    # A plain last command takes the script's place, so that a signal reaches it.
    last = command is step.commands[-1] and shell.is_plain(command.line)
    lines += [f"# {command.says}", f"{'exec ' if last else ''}{command.line}"]
  return File(f"{NAMES.index(step.name) + 1}_{step.name}.sh", shell.script(*lines))


def _lines(plan: Plan, costs: str) -> Iterator[str]:
  yield "#!/usr/bin/env bash"
  yield from (f"# {line}" for line in costs.splitlines())
  yield f"# {plan.target}: from nothing to a report, and to nothing again."
  for step in plan.steps:
    yield ""
    yield f"##### {step.name}: {step.says}"
    for file in step.files:
      yield ""
      yield f"# the file {file.name}"
      yield shell.here(file.name, file.text.splitlines())
    for command in step.commands:
      yield ""
      yield from _command(command, by_hand=step.name == BY_HAND)


def _command(command: Command, *, by_hand: bool) -> Iterator[str]:
  yield f"# {command.says}"
  mark = "# " if by_hand else ""
  yield from (f"{mark}{line}" for line in command.line.splitlines())


def _write(folder: pathlib.Path, file: File) -> pathlib.Path:
  path = folder / file.name
  files.write_text(path, file.text)
  if file.executable:
    path.chmod(0o755)
  return path
