"""A step that hangs says where: the stacks of all threads, on stderr and in the run's folder."""

from collections.abc import Iterator
import contextlib
import faulthandler
import math
import pathlib
import sys
import threading
import time

FOLDER = "stacks"


class Watchdog:
  """Writes the stacks when nobody has called `beat` for so long; once for each silence."""

  def __init__(self, workdir: pathlib.Path, seconds: float, process: int = 0):
    self._folder, self._seconds, self._process = workdir / FOLDER, seconds, process
    self._beaten = time.monotonic()
    self._step = 0
    self._done = threading.Event()

  def beat(self, step: int) -> None:
    """A step has ended."""
    self._step, self._beaten = step, time.monotonic()

  @contextlib.contextmanager
  def paused(self) -> Iterator[None]:
    """For what is no step and takes as long as it takes."""
    self._beaten = math.inf
    try:
      yield
    finally:
      self._beaten = time.monotonic()

  @contextlib.contextmanager
  def watching(self) -> Iterator["Watchdog"]:
    self._beaten = time.monotonic()
    if self._seconds:
      threading.Thread(target=self._watch, name="watchdog", daemon=True).start()
    try:
      yield self
    finally:
      self._done.set()

  def _watch(self) -> None:
    told = 0.0
    while not self._done.wait(min(self._seconds / 4, 5.0)):
      silent = time.monotonic() - self._beaten
      if silent > self._seconds and told != self._beaten:
        told = self._beaten
        self._write(silent)

  def _write(self, silent: float) -> None:
    path = self._folder / f"step_{self._step + 1:08}_process_{self._process}.txt"
    print(
      f"step {self._step + 1} takes longer than {silent:.0f} s; the stacks of all threads follow,"
      f" and are in {path}",
      file=sys.stderr,
      flush=True,
    )
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
    self._folder.mkdir(exist_ok=True)
    with path.open("a") as file:
      faulthandler.dump_traceback(file=file, all_threads=True)
