"""The metrics of each step, from the device to the log."""

from collections.abc import Callable
import math
import time
from typing import Any

import jax

from codegen_jax.errors import Diverged
from codegen_jax.training.metrics import MetricsLog
from codegen_jax.training.progress import Progress
from codegen_jax.types import Metrics


class Recorder:
  """Collects the metrics of steps on the device and writes their rows in one go.

  Reading a number back at every step would make the host wait for the device at every step.

  Args:
    log: where rows go; None in a process that does not write.
    progress: the live line.
    totals: tokens counted so far, by the name of their metric; it goes on counting.
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
    rate: Callable[[int], Any],
    tokens: int,
    flops: float,
    peak: float | None,
  ):
    self.totals = totals
    self._log, self._progress = log, progress
    self._rate, self._tokens, self._flops, self._peak = rate, tokens, flops, peak
    self._pending: list[tuple[int, Metrics]] = []
    self._clock: tuple[float, int] | None = None

  def add(self, step: int, of_step: Metrics) -> None:
    self._pending.append((step, of_step))
    if self._clock is None:  # the first step is mostly compilation
      jax.block_until_ready(of_step)
      self._clock = (time.monotonic(), step)

  def write(self) -> None:
    """Raises Diverged at the first step whose loss or gradient is not finite; the rows before it,
    and no others, are written.
    """
    pending, self._pending = self._pending, []
    rows = []
    try:
      for step, of_step in jax.device_get(pending):
        rows.append(self._row(step, of_step))
      rows[-1] |= self._throughput(rows[-1]["step"], rows[-1]["train/loss"])
    finally:
      if self._log is not None:
        for row in rows:
          self._log.write(row)
        self._log.flush()

  def _row(self, step: int, of_step: Metrics) -> dict[str, Any]:
    if not math.isfinite(of_step["loss"]) or not math.isfinite(of_step["grad_norm"]):
      raise Diverged(
        f"at step {step} the loss is {of_step['loss']} and the gradient's norm"
        f" {of_step['grad_norm']}; a lower learning rate or a longer warm-up is the usual cure"
      )
    for name in self.totals:
      self.totals[name] += int(of_step[name])
    return {
      "step": step,
      "train/loss": float(of_step["loss"]),
      "train/z_loss": float(of_step["z_loss"]),
      "train/grad_norm": float(of_step["grad_norm"]),
      "train/learning_rate": float(self._rate(step - 1)),
      **{f"train/{name}": total for name, total in self.totals.items()},
    }

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
