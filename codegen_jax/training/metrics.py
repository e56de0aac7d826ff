"""What a run says of itself: metrics.jsonl, TensorBoard, and one live line."""

import io
import json
import math
import os
import pathlib
import sys
import time
from typing import Any

import jax
from tensorboardX import SummaryWriter

from codegen_jax.models.config import TransformerConfig


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
    self._put(text, end="\r" if self._live else "\n")

  def update(self, step: int, *, loss: float, tokens_per_second: float, seconds_left: float) -> None:
    last = step == self._total
    if not last and time.monotonic() - self._shown < self._every:
      return
    self._shown = time.monotonic()
    minutes, seconds = divmod(round(seconds_left), 60)
    text = (
      f"step {step:>{len(str(self._total))}}/{self._total}  loss {loss:.4f}"
      f"  {tokens_per_second:,.0f} tokens/s  {minutes}:{seconds:02d} left"
    )
    self._put(text, end="\r" if self._live and not last else "\n")

  def _put(self, text: str, end: str) -> None:
    clear = "\x1b[K" if self._live else ""
    print(f"{self._label}  {text}{clear}", end=end, file=self._stream, flush=True)


# Dense bfloat16 FLOP/s of one device, by the name JAX gives its kind; makers' data sheets.
PEAK_FLOPS = {
  "TPU v3": 61.5e12,  # JAX counts the two cores of a v3 chip as two devices
  "TPU v4": 275e12,
  "TPU v5 lite": 197e12,
  "TPU v5p": 459e12,
  "TPU v6 lite": 918e12,
  "NVIDIA A100-SXM4-40GB": 312e12,
  "NVIDIA A100-SXM4-80GB": 312e12,
  "NVIDIA H100 80GB HBM3": 989e12,
  "NVIDIA H200": 989e12,
}


def flops_per_token(config: TransformerConfig, seq_len: int) -> float:
  """Of one training step: 6 for each weight that a token is multiplied with, and attention.

  Attention counts every key (12 L N H per layer and token), as PaLM's definition of model FLOP
  utilisation does (arXiv 2204.02311, appendix B); recomputation does not count.
  """
  c = config
  attention, mlp = 4 * c.embed_dim * c.num_heads * c.head_dim, 2 * c.embed_dim * c.mlp_dim
  weights = c.num_layers * (attention + mlp) + c.embed_dim * c.vocab_size
  return 6.0 * weights + 12.0 * c.num_layers * seq_len * c.num_heads * c.head_dim


def peak_flops(devices: list[jax.Device]) -> float | None:
  """FLOP/s of all devices together; None where a device's peak is not known, as a CPU's is not."""
  peaks = [PEAK_FLOPS.get(device.device_kind) for device in devices]
  return None if None in peaks else sum(peaks)
