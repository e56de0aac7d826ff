"""The one live line of a run."""

import io
import math
import sys
import time


class Progress:
  """The live line: label, step, loss, tokens a second, time left.

  On a terminal it is rewritten in place; in a file or a pipe a new line appears every few seconds.
  """

  def __init__(self, label: str, total_steps: int, stream: io.TextIOBase | None = None):
    self._label, self._total = label, total_steps
    self._stream = sys.stderr if stream is None else stream
    self._live = self._stream.isatty()
    self._every = 0.2 if self._live else 10.0
    self._shown = -math.inf

  def note(self, text: str) -> None:
    self._put(text, end="\n")

  def update(
    self, step: int, *, loss: float, tokens_per_second: float, seconds_per_step: float
  ) -> None:
    last = step == self._total
    if not last and time.monotonic() - self._shown < self._every:
      return
    self._shown = time.monotonic()
    minutes, seconds = divmod(round((self._total - step) * seconds_per_step), 60)
    text = (
      f"step {step:>{len(str(self._total))}}/{self._total}  loss {loss:.4f}"
      f"  {tokens_per_second:,.0f} tokens/s  {minutes}:{seconds:02d} left"
    )
    self._put(text, end="\r" if self._live and not last else "\n")

  def _put(self, text: str, end: str) -> None:
    clear = "\x1b[K" if self._live else ""
    print(f"{self._label}  {text}{clear}", end=end, file=self._stream, flush=True)
