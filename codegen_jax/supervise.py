"""Starts a run again when it was preempted or killed; gives up when it gets no further.

codegen-jax supervise --restarts=3 train --workdir=runs/mine --gin_file=...
"""

import argparse
from collections.abc import Sequence
import pathlib
import signal
import subprocess
import sys
import time

from codegen_jax.checkpoint.steps import steps
from codegen_jax.errors import InputError

NAME = "supervise"
PREEMPTED = 75
LONGEST_PAUSE = 60.0  # seconds


def run(argv: Sequence[str], command: Sequence[str] = ()) -> int:
  """Runs the rest of the line until it ends for good; its exit code.

  Args:
    argv: what follows `supervise`.
    command: what the rest of the line is given to; this program, unless a test says otherwise.

  Raises:
    InputError: there is nothing to run, or no --workdir to see progress in.
  """
  parser = argparse.ArgumentParser(
    prog=f"codegen-jax {NAME}",
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  parser.add_argument(
    "--restarts", type=int, default=3, help="starts without a new checkpoint before it gives up (3)"
  )
  parser.add_argument("rest", nargs=argparse.REMAINDER, help="what to run: train --workdir=...")
  flags = parser.parse_args(argv)
  rest = flags.rest[1:] if flags.rest[:1] == ["--"] else flags.rest
  checkpoints = _workdir(rest) / "checkpoints"
  command = command or (sys.executable, "-m", "codegen_jax.main")
  failures = 0
  while True:
    before = max(steps(checkpoints), default=0)
    code, asked_to_stop = _child([*command, *rest])
    if asked_to_stop or not starts_again(code):
      return code if code >= 0 else 128 - code
    after = max(steps(checkpoints), default=0)
    failures = 0 if after > before else failures + 1
    why = "was preempted" if code == PREEMPTED else f"was killed (exit code {code})"
    if failures > flags.restarts:
      _say(f"the run {why} {failures} times and got no further than step {after}; given up")
      return code if code >= 0 else 128 - code
    pause = min(2.0**failures - 1, LONGEST_PAUSE)
    _say(f"the run {why} after step {after}; started again in {pause:.0f} s")
    time.sleep(pause)


def starts_again(code: int) -> bool:
  """Whether a process that ended so was preempted or killed; a shell adds 128 to a signal."""
  return code == PREEMPTED or code < 0 or (code > 128 and code != 130)


def _child(command: Sequence[str]) -> tuple[int, bool]:
  """The exit code, and whether somebody asked this process to stop meanwhile."""
  process = subprocess.Popen(command)
  asked = []

  def pass_on(number: int, _) -> None:
    asked.append(number)
    process.send_signal(number)

  before = signal.signal(signal.SIGTERM, pass_on)
  # Ctrl-C reaches the child by itself.
  ignored = signal.signal(signal.SIGINT, lambda number, _: asked.append(number))
  try:
    return process.wait(), bool(asked)
  finally:
    signal.signal(signal.SIGTERM, before)
    signal.signal(signal.SIGINT, ignored)


def _workdir(rest: Sequence[str]) -> pathlib.Path:
  parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
  parser.add_argument("--workdir")
  workdir = parser.parse_known_args(rest)[0].workdir
  if not rest or not workdir:
    raise InputError(
      "supervise needs what to run, with its --workdir, e.g. codegen-jax supervise --restarts=3"
      " train --workdir=runs/mine --gin_file=gin_configs/ablations/lesson1_prefix.gin"
    )
  return pathlib.Path(workdir)


def _say(sentence: str) -> None:
  print(f"supervise: {sentence}", file=sys.stderr, flush=True)
