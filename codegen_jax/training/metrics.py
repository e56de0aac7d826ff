"""What a run writes down of itself, in lines of JSON and for TensorBoard.

metrics.jsonl      tensorboard/              a row for each step
evaluations.jsonl  tensorboard/evaluations/  a row for each step that was evaluated
"""

import json
import os
import pathlib
from typing import Any

from codegen_jax.quiet import hidden

# It imports PyTorch where there is one, which takes two seconds, and needs it for its own graphs.
with hidden("torch"):
  from tensorboardX import SummaryWriter


class MetricsLog:
  """One row a step in a file of lines, the same numbers for TensorBoard.

  A run that continues from a checkpoint writes some steps a second time, so the rows after that
  checkpoint are dropped when the log is opened: no step is missing and none stands twice.

  Args:
    path: of the lines.
    board: TensorBoard's folder.
    start_step: of that checkpoint.
  """

  def __init__(self, path: pathlib.Path, board: pathlib.Path, *, start_step: int):
    if path.exists():
      _keep_until(path, start_step)
    self._file = path.open("a")
    self._board = SummaryWriter(str(board), purge_step=start_step + 1)

  def write(self, row: dict[str, Any]) -> None:
    self._file.write(json.dumps(row) + "\n")
    for name, value in row.items():
      if name != "step":
        self._board.add_scalar(name, value, row["step"])

  def flush(self) -> None:
    self._file.flush()
    os.fsync(self._file.fileno())
    self._board.flush()

  def close(self) -> None:
    self.flush()
    self._file.close()
    self._board.close()


def of_steps(workdir: pathlib.Path, *, start_step: int) -> MetricsLog:
  return MetricsLog(workdir / "metrics.jsonl", workdir / "tensorboard", start_step=start_step)


def of_evaluations(workdir: pathlib.Path, *, start_step: int) -> MetricsLog:
  board = workdir / "tensorboard" / "evaluations"
  return MetricsLog(workdir / "evaluations.jsonl", board, start_step=start_step)


def read(workdir: pathlib.Path) -> list[dict[str, Any]]:
  """The rows of metrics.jsonl, without a last one that a kill cut short."""
  return [row for row in map(_row, (workdir / "metrics.jsonl").open()) if row is not None]


def _row(line: str) -> dict[str, Any] | None:
  try:
    return json.loads(line)
  except ValueError:
    return None


def _keep_until(path: pathlib.Path, step: int) -> None:
  lines = path.read_text().splitlines()
  kept = [line for line in lines if (row := _row(line)) is not None and row["step"] <= step]
  draft = path.with_suffix(".tmp")
  # The last line may be whole but for its end, so every line is given one anew.
  draft.write_text("".join(f"{line}\n" for line in kept))
  draft.replace(path)
