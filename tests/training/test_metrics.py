"""The log has every step once, the line is drawn, and FLOPs are those of the program."""

import io
import json
import math
import re
from unittest import mock

import jax
from jax.extend import core
import numpy as np
import pytest

from codegen_jax.models import masks
from codegen_jax.models.transformer import Transformer
from codegen_jax.training import metrics
from tests.tiny import CONFIG, random_params


def write(workdir, *steps: int, start_step: int) -> None:
  log = metrics.MetricsLog(workdir, start_step=start_step)
  for step in steps:
    log.write({"step": step, "train/loss": 1 / step, "from": start_step})
  log.close()


def steps_of(workdir) -> list[tuple[int, int]]:
  return [(row["step"], row["from"]) for row in metrics.read(workdir)]


def test_a_continued_run_has_every_step_once(tmp_path):
  write(tmp_path, 1, 2, 3, 4, 5, start_step=0)
  write(tmp_path, 4, 5, 6, start_step=3)
  assert steps_of(tmp_path) == [(1, 0), (2, 0), (3, 0), (4, 3), (5, 3), (6, 3)]
  assert metrics.read(tmp_path)[1] == {"step": 2, "train/loss": 0.5, "from": 0}


def test_a_run_that_starts_anew_forgets_the_old_rows(tmp_path):
  write(tmp_path, 1, 2, 3, start_step=0)
  write(tmp_path, 1, start_step=0)
  assert steps_of(tmp_path) == [(1, 0)]


@pytest.mark.parametrize("lost", range(1, 40, 6))
def test_a_row_that_a_kill_cut_short_is_no_row(tmp_path, lost):
  """Whatever is missing of the last line, the next row has a line of its own."""
  write(tmp_path, 1, 2, 3, start_step=0)
  path = tmp_path / "metrics.jsonl"
  path.write_text(path.read_text()[:-lost])
  complete = [1, 2, 3] if lost == 1 else [1, 2]  # one character less is only the line's end
  assert [step for step, _ in steps_of(tmp_path)] == complete
  write(tmp_path, 4, 5, start_step=3)
  assert [step for step, _ in steps_of(tmp_path)] == [*complete, 4, 5]
  lines = path.read_text().splitlines()
  assert [json.loads(line)["step"] for line in lines] == [*complete, 4, 5]


def test_rows_are_on_disk_once_flushed(tmp_path):
  log = metrics.MetricsLog(tmp_path, start_step=0)
  log.write({"step": 1, "train/loss": 2.0})
  log.flush()
  assert metrics.read(tmp_path) == [{"step": 1, "train/loss": 2.0}]
  log.close()
  assert list((tmp_path / "tensorboard").iterdir())


class Terminal(io.StringIO):
  def isatty(self) -> bool:
    return True


def shown(stream: io.StringIO, *updates: tuple[int, float], total: int = 200) -> str:
  progress = metrics.Progress("prefix-0", total, stream)
  for step, seconds_left in updates:
    progress.update(step, loss=2.34567, tokens_per_second=12345.6, seconds_left=seconds_left)
  return stream.getvalue()


def test_a_pipe_gets_lines():
  assert shown(io.StringIO(), (10, 125.2)) == (
    "prefix-0  step  10/200  loss 2.3457  12,346 tokens/s  2:05 left\n"
  )


def test_a_terminal_gets_one_line_that_is_rewritten():
  assert shown(Terminal(), (10, 59.6)) == (
    "prefix-0  step  10/200  loss 2.3457  12,346 tokens/s  1:00 left\x1b[K\r"
  )


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_the_last_step_is_always_shown_and_stays(stream):
  text = shown(stream(), *[(step, 200.0 - step) for step in range(1, 201)])
  first, *_, last = re.split("[\r\n]", text.removesuffix("\n"))
  assert "step   1/200" in first
  assert "step 200/200" in last and "0:00 left" in last
  assert text.endswith("\n")
  assert text.count("step") <= 3  # the others came too soon after the first


def test_a_note_carries_the_label():
  stream = io.StringIO()
  metrics.Progress("prefix-0", 200, stream).note("continues from step 40")
  assert stream.getvalue() == "prefix-0  continues from step 40\n"


def multiplications(jaxpr: core.Jaxpr, times: int = 1) -> int:
  """Of all matrix products in a program, scans unrolled."""
  total = 0
  for equation in jaxpr.eqns:
    length = equation.params["length"] if equation.primitive.name == "scan" else 1
    for inner in equation.params.values():
      if isinstance(inner, core.ClosedJaxpr):
        total += multiplications(inner.jaxpr, times * length)
    if equation.primitive.name == "dot_general":
      (contracted, _), _ = equation.params["dimension_numbers"]
      lhs, out = equation.invars[0].aval.shape, equation.outvars[0].aval.shape
      total += times * math.prod(out) * math.prod(lhs[axis] for axis in contracted)
  return total


def test_flops_are_those_of_the_programs_matrix_products():
  rows, length = 3, 10
  tokens = np.ones((rows, length), np.int32)

  def forward(params):
    return Transformer(CONFIG).apply(
      {"params": params}, tokens, mask=masks.AttentionMask(tokens, tokens)
    )

  program = jax.make_jaxpr(forward)(random_params(np.random.default_rng(0)))
  forward_flops = 2 * multiplications(program.jaxpr)
  # A backward pass multiplies twice for each product: one gradient for either factor.
  assert metrics.flops_per_token(CONFIG, length) == 3 * forward_flops / (rows * length)


def test_the_peak_of_an_unknown_device_is_unknown():
  known, unknown = (mock.Mock(spec=jax.Device, device_kind=k) for k in ("NVIDIA H200", "abacus"))
  assert metrics.peak_flops([known, known]) == 2 * 989e12
  assert metrics.peak_flops([known, unknown]) is None
  assert metrics.peak_flops(jax.devices()) is None
