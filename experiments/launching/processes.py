"""Several processes of this machine as one run, started again when they were pre-empted.

  python -m experiments.launching.processes --processes=2 -- -m experiments.run NAME --runs=FOLDER

Each is given --coordinator, --num_processes and --process_id.
"""

import argparse
from collections.abc import Sequence
import signal
import socket
import subprocess
import sys
import threading
import time

from codegen_jax import main as codegen_jax
from codegen_jax.errors import InputError
from codegen_jax.supervise import starts_again

PATIENCE = 60.0  # seconds in which others end by themselves after the first has


def main(argv: Sequence[str]) -> None:
  parser = argparse.ArgumentParser(
    prog="python -m experiments.launching.processes",
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  parser.add_argument("--processes", type=int, default=1, help="how many (1)")
  parser.add_argument("--restarts", type=int, default=50, help="after pre-emptions (50)")
  parser.add_argument("words", nargs=argparse.REMAINDER, help="-m MODULE and its flags")
  flags = parser.parse_args(argv)
  words = flags.words[1:] if flags.words[:1] == ["--"] else flags.words
  if flags.processes < 1 or not words:
    raise InputError("give --processes from 1 on and, after --, what each of them runs")
  sys.exit(run(words, processes=flags.processes, restarts=flags.restarts))


def run(words: Sequence[str], *, processes: int, restarts: int) -> int:
  """Their exit code, once they ended for good."""
  for start in range(restarts + 1):
    code, asked_to_stop = _once(words, processes)
    if asked_to_stop or not starts_again(code) or start == restarts:
      return code
    _say(f"exit code {code}: start {start + 1} of {restarts} again")
    time.sleep(1)
  raise AssertionError("unreachable")


def _once(words: Sequence[str], number: int) -> tuple[int, bool]:
  """The exit code of all, and whether somebody asked them to stop."""
  address = f"127.0.0.1:{_free_port()}"
  started = [_start(words, address, number, i) for i in range(number)]
  said = [threading.Thread(target=_pass_on_words, args=one) for one in enumerate(started)]
  for thread in said:
    thread.start()
  asked: list[int] = []

  def pass_on(signum: int, _) -> None:
    asked.append(signum)
    for process in started:
      process.send_signal(signum)

  before = signal.signal(signal.SIGTERM, pass_on)
  ignored = signal.signal(signal.SIGINT, lambda signum, _: asked.append(signum))  # reaches them
  try:
    return _ended(started), bool(asked)
  finally:
    signal.signal(signal.SIGTERM, before)
    signal.signal(signal.SIGINT, ignored)
    for process in started:
      process.kill()
    for thread in said:
      thread.join()


def _start(words: Sequence[str], address: str, number: int, i: int) -> subprocess.Popen:
  flags = [f"--coordinator={address}", f"--num_processes={number}", f"--process_id={i}"]
  process = subprocess.Popen(
    [sys.executable, *words, *flags], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    errors="replace", stdin=subprocess.DEVNULL,
  )  # fmt: skip
  _say(f"process {i} is {process.pid}")
  return process


def _pass_on_words(i: int, process: subprocess.Popen) -> None:
  assert process.stdout is not None
  for line in process.stdout:
    print(f"[{i}] {line}", end="", flush=True)


def _ended(started: Sequence[subprocess.Popen]) -> int:
  """Waits for all; what ends them for good counts more than what starts them again."""
  until = float("inf")
  while any(process.poll() is None for process in started):
    if until == float("inf") and any(process.poll() for process in started):
      until = time.monotonic() + PATIENCE
    if time.monotonic() > until:
      for process in started:
        process.kill()
    time.sleep(0.1)
  codes = [process.returncode for process in started]
  failed = [code if code > 0 else 128 - code for code in codes if code]
  return next((code for code in failed if not starts_again(code)), max(failed, default=0))


def _free_port() -> int:
  with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    return probe.getsockname()[1]


def _say(sentence: str) -> None:
  print(f"processes: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
  codegen_jax.exit_with_sentences(lambda: main(sys.argv[1:]), "experiments.launching.processes")
