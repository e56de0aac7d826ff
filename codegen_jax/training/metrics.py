"""What a run writes down of itself: metrics.jsonl and TensorBoard."""

import json
import os
import pathlib
from typing import Any

from codegen_jax.quiet import hidden

# It imports PyTorch where there is one, which takes two seconds, and needs it for its own graphs.
with hidden("torch"):
  from tensorboardX import SummaryWriter


class MetricsLog:
  """One row a step in metrics.jsonl, the same numbers in tensorboard/.

  A run that continues from a checkpoint writes some steps a second time, so the rows after that
  checkpoint are dropped when the log is opened: no step is missing and none stands twice.
  """

  def __init__(self, workdir: pathlib.Path, *, start_step: int):
    self._path = workdir / "metrics.jsonl"
    if self._path.exists():
      _keep_until(self._path, start_step)
    self._file = self._path.open("a")
    self._board = SummaryWriter(str(workdir / "tensorboard"), purge_step=start_step + 1)

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
