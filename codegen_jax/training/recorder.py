"""The metrics of each step, from the device to the log."""

from collections.abc import Callable, Iterator
import contextlib
import time
from typing import Any

import jax

from codegen_jax.errors import Diverged
from codegen_jax.training.health import Health
from codegen_jax.training.metrics import MetricsLog
from codegen_jax.training.progress import Progress
from codegen_jax.types import Metrics

COUNTED = ("scored_tokens", "all_tokens", "skipped_steps", "jumped_steps")
# Of what is counted over a run, that which every row tells.
TOLD = ("scored_tokens", "all_tokens", "skipped_steps")


class Recorder:
  """Collects the metrics of steps on the device and writes their rows in one go.

  Reading a number back at every step would make the host wait for the device at every step.

  Args:
    log: where rows go; None in a process that does not write.
    progress: the live line.
    totals: what is counted over a run, by the name of its metric; it goes on counting.
    health: judges the losses.
    max_skipped: updates in a row that may be skipped.
    rate: step -> learning rate.
    tokens: of a batch, padding included.
    flops: of a token in a training step.
    peak: FLOP/s of all devices, or None where it is not known.
  """

  def __init__(
    self,
    log: MetricsLog | None,
    progress: Progress,
    totals: dict[str, int],
    *,
    health: Health,
    max_skipped: int,
    rate: Callable[[int], Any],
    tokens: int,
    flops: float,
    peak: float | None,
  ):
    self.totals, self.health, self._max_skipped = totals, health, max_skipped
    self.spikes: list[int] = []
    self._log, self._progress = log, progress
    self._rate, self._tokens, self._flops, self._peak = rate, tokens, flops, peak
    self._pending: list[tuple[int, Metrics | None]] = []
    self._clock: tuple[float, int] | None = None

  def add(self, step: int, of_step: Metrics) -> None:
    self._pending.append((step, of_step))
    if self._clock is None:  # the first step is mostly compilation
      jax.block_until_ready(of_step)
      self._clock = (time.monotonic(), step)

  @contextlib.contextmanager
  def paused(self) -> Iterator[None]:
    """For time that is not counted as training's."""
    if self._pending:
      jax.block_until_ready(self._pending[-1])  # or the wait for these steps would not be either
    begun = time.monotonic()
    try:
      yield
    finally:
      if self._clock is not None:
        then, step = self._clock
        self._clock = then + time.monotonic() - begun, step

  def jumped(self, step: int) -> None:
    """A step that `skip_steps` names has its row, without numbers."""
    self._pending.append((step, None))

  @property
  def state(self) -> dict[str, Any]:
    """What to save with the run so that it goes on to the same rows."""
    return {**self.totals, "health": self.health.state}

  def write(self) -> None:
    """Writes the rows of all steps since the last time.

    Raises:
      Diverged: too many updates in a row were skipped; the rows until then, and no others, are
        written.
    """
    pending, self._pending = self._pending, []
    rows: list[dict[str, Any]] = []
    try:
      for step, of_step in jax.device_get(pending):
        rows.append({"step": step, **self._row(step, of_step)})
        if self.health.in_a_row >= self._max_skipped:
          raise self._diverged(step, of_step)
      if "train/loss" in rows[-1]:
        rows[-1] |= self._throughput(rows[-1]["step"], rows[-1]["train/loss"])
    finally:
      if self._log is not None:
        for row in rows:
          self._log.write(row)
        self._log.flush()

  def _row(self, step: int, of_step: Metrics | None) -> dict[str, Any]:
    if of_step is None:
      self.totals["jumped_steps"] += 1
      return {"train/jumped": 1}
    # The rate follows the updates, of which neither the jumped steps nor the skipped ones are any.
    updates = step - 1 - self.totals["jumped_steps"] - self.totals["skipped_steps"]
    skipped, loss = bool(of_step["skipped"]), float(of_step["loss"])
    spike = self.health.see(loss, skipped=skipped)
    measured = {}
    if skipped:  # JSON has no word for what was measured
      self.totals["skipped_steps"] += 1
      self._progress.note(
        f"step {step}: the update is skipped, the loss is {loss} and the gradient's norm"
        f" {of_step['grad_norm']}"
      )
    else:
      for name in ("scored_tokens", "all_tokens"):
        self.totals[name] += int(of_step[name])
      measured = {f"train/{name}": float(of_step[name]) for name in ("loss", "z_loss", "grad_norm")}
    if spike:
      self.spikes.append(step)
      self._progress.note(f"step {step}: the loss {loss:.4f} is a spike")
    return {
      **measured,
      "train/learning_rate": float(self._rate(updates)),
      "train/loss_spike": int(spike),
      **{f"train/{name}": self.totals[name] for name in TOLD},
    }

  def _diverged(self, step: int, of_step: Metrics) -> Diverged:
    return Diverged(
      f"at step {step} the loss is {of_step['loss']} and the gradient's norm"
      f" {of_step['grad_norm']}, and {self.health.in_a_row} updates in a row were skipped; a lower"
      " learning rate or a longer warm-up is the usual cure, and --skip_steps jumps over bad data",
      step,
    )

  def _throughput(self, step: int, loss: float) -> dict[str, float]:
    assert self._clock is not None
    then, step_then = self._clock
    if step == step_then:
      return {}
    seconds_per_step = (time.monotonic() - then) / (step - step_then)
    speed = self._tokens / seconds_per_step
    self._progress.update(
      step, loss=loss, tokens_per_second=speed, seconds_per_step=seconds_per_step
    )
    measured = {"throughput/tokens_per_second": speed}
    if self._peak is not None:
      measured["throughput/mfu"] = speed * self._flops / self._peak
    return measured
