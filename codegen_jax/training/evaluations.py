"""A run that is measured while it trains."""

from collections.abc import Callable, Mapping
import pathlib

import jax
from jax.sharding import Mesh

from codegen_jax.training import metrics
from codegen_jax.training.metrics import MetricsLog
from codegen_jax.training.progress import Progress
from codegen_jax.types import Params

# Of a step and its weights, on their mesh; called by all processes, each of which gets all numbers.
Evaluate = Callable[[int, Params, Mesh], Mapping[str, float]]


class Evaluations:
  """Writes evaluations.jsonl, which is there after the first one.

  A step is evaluated after its checkpoint is under way, and again by a run that goes on from it: a
  kill in between loses no row.

  Args:
    evaluate: what is measured.
    workdir: of the run.
    mesh: that the weights lie on.
    progress: the live line.
  """

  def __init__(self, evaluate: Evaluate, workdir: pathlib.Path, mesh: Mesh, progress: Progress):
    self._evaluate, self._workdir, self._mesh = evaluate, workdir, mesh
    self._progress = progress
    self._log: MetricsLog | None = None

  def at(self, step: int, params: Params) -> None:
    measured = self._evaluate(step, params, self._mesh)
    if jax.process_index() > 0:
      return
    if self._log is None:
      self._log = metrics.of_evaluations(self._workdir, start_step=step - 1)
    self._log.write({"step": step, **{f"eval/{name}": value for name, value in measured.items()}})
    self._log.flush()
    for name, value in measured.items():
      self._progress.note(f"step {step}  {name}: {value:.4f}")

  def close(self) -> None:
    if self._log is not None:
      self._log.close()
