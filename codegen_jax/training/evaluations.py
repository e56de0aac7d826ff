"""A run that is measured while it trains."""

from collections.abc import Callable, Mapping
import pathlib

import jax
from jax.sharding import Mesh

from codegen_jax.training import metrics
from codegen_jax.training.early_stopping import EarlyStopping, EarlyStoppingConfig
from codegen_jax.training.metrics import MetricsLog
from codegen_jax.training.progress import Progress
from codegen_jax.types import Params

# Of a step and its weights, on their mesh; called by all processes, each of which gets all numbers.
Evaluate = Callable[[int, Params, Mesh], Mapping[str, float]]


class Evaluations:
  """Writes evaluations.jsonl, which is there after the first one, and says when to stop.

  A run that goes on from a step which was to be evaluated does that first, so that a kill in
  between loses no row.

  Args:
    evaluate: what is measured.
    stopping: when what is measured ends the run.
    workdir: of the run.
    mesh: that the weights lie on.
    progress: the live line.
    start: the step that the run goes on from.

  Attributes:
    stopped: whether the run is over.
  """

  def __init__(
    self, evaluate: Evaluate, stopping: EarlyStoppingConfig, workdir: pathlib.Path, mesh: Mesh,
    progress: Progress, *, start: int,
  ):  # fmt: skip
    self._evaluate, self._workdir, self._mesh = evaluate, workdir, mesh
    self._progress = progress
    self._log: MetricsLog | None = None
    self._stopping = EarlyStopping(stopping) if stopping.metric else None
    path = workdir / metrics.EVALUATIONS
    if self._stopping is not None and path.exists():
      self._stopping.again(row for row in metrics.rows(path) if row["step"] < start)

  @property
  def stopped(self) -> bool:
    return self._stopping is not None and self._stopping.stopped

  def at(self, step: int, params: Params) -> float | None:
    """How good the step is by the metric to stop by, lower is better; None without one."""
    measured = self._evaluate(step, params, self._mesh)
    score = None if self._stopping is None else self._stopping.see(step, measured)
    if jax.process_index() == 0:
      self._write(step, measured)
    return score

  def close(self) -> None:
    if self._log is not None:
      self._log.close()

  def _write(self, step: int, measured: Mapping[str, float]) -> None:
    if self._log is None:
      self._log = metrics.of_evaluations(self._workdir, start_step=step - 1)
    self._log.write({"step": step, **{f"eval/{name}": value for name, value in measured.items()}})
    self._log.flush()
    for name, value in measured.items():
      self._progress.note(f"step {step}  {name}: {value:.4f}")
    if self._stopping is not None:
      self._stopping.write(self._workdir)
      if self._stopping.stopped and self._stopping.best is not None:
        best, value = self._stopping.best
        self._progress.note(f"stops at step {step}: none is better than step {best} ({value:.4f})")
