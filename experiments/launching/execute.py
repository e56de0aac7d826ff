"""Runs a plan's steps, and never leaves what costs money behind without a word."""

import pathlib
import shlex
import shutil
import signal
import subprocess
import sys

from codegen_jax.errors import InputError
from experiments.launching import show
from experiments.launching.plan import BY_HAND, Plan


def check_tools(plan: Plan) -> None:
  """Raises InputError where a program is missing."""
  missing = [tool for tool in plan.tools if shutil.which(tool) is None]
  if missing:
    raise InputError(
      f"--target={plan.target} runs {', '.join(missing)}, which this machine does not have; install"
      f" {'it' if len(missing) == 1 else 'them'}, or leave out --run and paste the commands where"
      " they are"
    )


def run(plan: Plan, folder: pathlib.Path) -> int:
  """The exit code of the first step that fails, or 0 once all has been deleted again.

  A step that fails, or Ctrl-C, ends it: what was made may still be of use, so `delete` is told and
  not done.
  """
  check_tools(plan)
  scripts = show.write(plan, folder)
  for step, script in zip(plan.steps, scripts, strict=True):
    if step.name == BY_HAND or not step.commands:
      continue
    _say(f"{step.name}: {step.says}")
    code = _run(script)
    if code:
      _say(f"{step.name} ended with exit code {code}")
      _tell_delete(plan, scripts[-1])
      return code
  return 0


def _run(script: pathlib.Path) -> int:
  process = subprocess.Popen(["bash", str(script)])
  before = signal.signal(signal.SIGTERM, lambda number, _: process.send_signal(number))
  ignored = signal.signal(signal.SIGINT, lambda *_: None)  # it reaches the script by itself
  try:
    code = process.wait()
  finally:
    signal.signal(signal.SIGTERM, before)
    signal.signal(signal.SIGINT, ignored)
  return code if code >= 0 else 128 - code


def _tell_delete(plan: Plan, script: pathlib.Path) -> None:
  step = plan.step("delete")
  if not step.commands:
    return
  _say("what was made is still there, with what it costs; delete it with")
  print(f"  bash {shlex.quote(str(script))}", file=sys.stderr)
  for command in step.commands:
    for line in [f"# {command.says}", *command.line.splitlines()]:
      print(f"    {line}", file=sys.stderr)
  sys.stderr.flush()


def _say(sentence: str) -> None:
  print(f"launch: {sentence}", file=sys.stderr, flush=True)
