"""A run that ends when what is measured gets no better."""

from collections.abc import Iterable, Mapping
import dataclasses
import json
import math
import pathlib
from typing import Any

from codegen_jax.did_you_mean import suggestion
from codegen_jax.errors import InputError
from codegen_jax.files import write_json

NAME = "best.json"
FALLS = ("bits_per_byte", "perplexity", "prompt_perplexity")  # what is better the lower it is


@dataclasses.dataclass(frozen=True)
class EarlyStoppingConfig:
  """When a run ends before its time.

  Attributes:
    metric: what evaluations.jsonl has as "eval/<metric>", e.g. "boolq_answer/accuracy"; "" is
      never.
    patience: evaluations in a row that are no better than the best before them.
  """

  metric: str = ""
  patience: int = 3

  def __post_init__(self):
    if self.patience < 1:
      raise InputError(f"the patience of early stopping is {self.patience}; it must be at least 1")


class EarlyStopping:
  """Looks at every evaluation of a run, and remembers the best.

  Attributes:
    best: its step and its value, or None.
    stopped: whether the run is over.
  """

  def __init__(self, config: EarlyStoppingConfig):
    self._metric, self._patience = config.metric, config.patience
    self.best: tuple[int, float] | None = None
    self._lowest, self._since = math.inf, 0

  @property
  def stopped(self) -> bool:
    return self._since >= self._patience

  def again(self, rows: Iterable[Mapping[str, Any]]) -> None:
    """Sees what a run that goes on has seen already: rows of evaluations.jsonl."""
    for row in rows:
      if (name := f"eval/{self._metric}") in row:
        self._see(row["step"], row[name])

  def see(self, step: int, measured: Mapping[str, float]) -> float:
    """An evaluation; returns how good it is, lower is better, as a checkpoint's score.

    Raises:
      InputError: the metric is not among what was measured.
    """
    if self._metric not in measured:
      near = suggestion(self._metric, measured)
      raise InputError(
        f"the run is to stop by {self._metric!r}, which is not measured{near}; measured are"
        f" {', '.join(measured)}"
      )
    return self._see(step, measured[self._metric])

  def _see(self, step: int, value: float) -> float:
    kind, *_ = self._metric.rpartition("/")[2].split(" ")  # "pass@1 t=0.2" is a kind of pass@1
    score = value if kind in FALLS else -value
    if score < self._lowest:
      self.best, self._lowest, self._since = (step, value), score, 0
    else:
      self._since += 1
    return score

  def write(self, workdir: pathlib.Path) -> None:
    """best.json: which step, and how good."""
    if self.best is not None:
      step, value = self.best
      write_json(workdir / NAME, {"metric": self._metric, "step": step, "value": value})


def best_step(workdir: pathlib.Path) -> int:
  """Of a run that was told which metric to stop by.

  Raises:
    InputError: it was not.
  """
  path = workdir / NAME
  if not path.exists():
    raise InputError(f"{workdir} has no {NAME}: its run had no metric to stop by; name a step")
  return json.loads(path.read_text())["step"]
