"""A run that is measured while it trains."""

import dataclasses
import json

import pytest

from codegen_jax.errors import InputError
from codegen_jax.training import loop
from tests.training.test_loop import CONFIG

EVERY_2 = dataclasses.replace(CONFIG, evaluate_every=2)


class Measure:
  """Tells a weight, and what was asked; one step may meet the end of its machine."""

  def __init__(self, *, dies_at: int | None = None):
    self.asked: list[int] = []
    self.dies_at = dies_at

  def __call__(self, step, params, mesh):
    if step == self.dies_at:
      raise ConnectionError("the machine is gone")
    assert mesh.devices.size == 1
    self.asked.append(step)
    return {"toy/bits_per_byte": float(params["head"]["kernel"][0, 0])}


def rows(workdir) -> list[dict]:
  return [json.loads(line) for line in (workdir / "evaluations.jsonl").open()]


def test_every_so_many_steps_and_at_the_end_each_once_whatever_dies(tmp_path):
  whole = Measure()
  loop.train(EVERY_2, tmp_path / "whole", evaluate=whole)
  assert whole.asked == [2, 4, 6]
  expected = rows(tmp_path / "whole")
  assert [row["step"] for row in expected] == [2, 4, 6]
  assert len({row["eval/toy/bits_per_byte"] for row in expected}) == 3  # of these very weights
  parts = tmp_path / "parts"
  # Checkpoints are of steps 3 and 6: the first death loses step 4, the second none.
  for dies_at, asked in [(4, [2]), (6, [4]), (None, [6])]:
    measure = Measure(dies_at=dies_at)
    if dies_at is None:
      loop.train(EVERY_2, parts, evaluate=measure)
    else:
      with pytest.raises(ConnectionError):
        loop.train(EVERY_2, parts, evaluate=measure)
    assert measure.asked == asked
  assert rows(parts) == expected
  goodput = json.loads((tmp_path / "whole" / "goodput.json").read_text())
  assert goodput["attempts"][0]["seconds"]["evaluate"] > 0
  assert [*(parts / "tensorboard" / "evaluations").iterdir()]


def test_the_step_that_a_run_goes_on_from_is_evaluated_before_the_next(tmp_path):
  first = dataclasses.replace(CONFIG, total_steps=3)
  loop.train(first, tmp_path)
  measure = Measure()
  loop.train(dataclasses.replace(CONFIG, evaluate_every=3), tmp_path, evaluate=measure)
  assert measure.asked == [3, 6]


def test_a_run_that_asks_for_none_has_no_file_of_them(tmp_path):
  measure = Measure()
  loop.train(dataclasses.replace(CONFIG, total_steps=2), tmp_path, evaluate=measure)
  assert not measure.asked and not (tmp_path / "evaluations.jsonl").exists()


def test_fewer_than_none_are_refused():
  with pytest.raises(InputError, match="evaluate_every is -1; it must be at least 0"):
    dataclasses.replace(CONFIG, evaluate_every=-1)
