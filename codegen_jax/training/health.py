"""What the losses of a run say of it: updates that were skipped, spikes."""

import collections
import statistics
from typing import Any

WINDOW = 128  # losses that a spike is held against, as OLMo-core has it
ENOUGH = 16  # fewer of them tell no spike


class Health:
  """Judges one loss after another; what it remembers is saved with the run.

  Args:
    spike: standard deviations above the mean of the losses before; 0 flags none.
    told: what `state` said when the run was saved; nothing for a new run.
  """

  def __init__(self, spike: float, told: dict[str, Any] | None = None):
    self._spike = spike
    told = told or {"in_a_row": 0, "window": []}
    self.in_a_row: int = told["in_a_row"]
    self._window = collections.deque[float](told["window"], maxlen=WINDOW)
    self._since: list[float] = []

  @property
  def state(self) -> dict[str, Any]:
    """As JSON keeps it, to the bit."""
    return {"in_a_row": self.in_a_row, "window": list(self._window)}

  def see(self, loss: float, *, skipped: bool) -> bool:
    """Whether this loss is a spike; a skipped one is counted and remembered no further."""
    self.in_a_row = self.in_a_row + 1 if skipped else 0
    if skipped:
      return False
    spike = self._is_spike(loss)
    self._since.append(loss)
    # A spike would hide the next one.
    if not spike:
      self._window.append(loss)
    return spike

  def _is_spike(self, loss: float) -> bool:
    if not self._spike or len(self._window) < ENOUGH:
      return False
    mean, deviation = statistics.fmean(self._window), statistics.stdev(self._window)
    return loss > mean + self._spike * deviation

  def score(self) -> float | None:
    """The mean loss since this was last asked, at a checkpoint; None where no update was made."""
    since, self._since = self._since, []
    return statistics.fmean(since) if since else None
