"""How far a measurement is, on stderr."""

import io
import math
import sys
import time


class Countdown:
  """A line that says how many of `total` are done and when the rest will be.

  On a terminal it is rewritten in place; in a file or a pipe a new line appears every few seconds.
  """

  def __init__(self, label: str, total: int, stream: io.TextIOBase | None = None):
    self._label, self._total, self._done = label, total, 0
    self._stream = sys.stderr if stream is None else stream
    self._live = self._stream.isatty()
    self._every = 0.2 if self._live else 10.0
    self._begun = time.monotonic()
    self._shown = -math.inf

  def add(self, number: int = 1) -> None:
    self._done += number
    now, last = time.monotonic(), self._done >= self._total
    if not last and now - self._shown < self._every:
      return
    self._shown = now
    left = (self._total - self._done) * (now - self._begun) / self._done
    minutes, seconds = divmod(round(left), 60)
    text = f"{self._label}  {self._done:,}/{self._total:,}  {minutes}:{seconds:02d} left"
    clear, end = ("\x1b[K", "\n" if last else "\r") if self._live else ("", "\n")
    print(text + clear, end=end, file=self._stream, flush=True)
