"""Where the time of a run went."""

import json

import pytest

from codegen_jax.training import goodput
from codegen_jax.training.goodput import Goodput


def attempt(began: float, ended: float, from_step: int, to_step: int, **seconds: float) -> dict:
  steps = {"began": began, "ended": ended, "from_step": from_step, "to_step": to_step}
  return {**steps, "seconds": dict.fromkeys(goodput.KINDS, 0.0) | seconds}


def test_shares_are_of_all_time_since_the_first_start(tmp_path, monkeypatch):
  first = attempt(0.0, 40.0, 0, 30, start=10.0, step=30.0)  # 10 of its 30 steps were lost
  (tmp_path / goodput.NAME).write_text(json.dumps({"attempts": [first]}))
  monkeypatch.setattr(goodput.time, "time", lambda: 55.0)
  clock = Goodput(tmp_path, {}, began=50.0)
  clock.started(20)
  monkeypatch.setattr(goodput.time, "time", lambda: 100.0)
  clock.write(60)
  told = json.loads((tmp_path / goodput.NAME).read_text())
  assert told["shares"] == pytest.approx({
    "start": 0.15, "step": 0.65, "repeated": 0.1, "data": 0.0, "save": 0.0, "evaluate": 0.0,
    "away": 0.1,
  })  # fmt: skip
  assert [one["to_step"] for one in told["attempts"]] == [30, 60]


def test_a_process_that_is_not_the_writer_writes_nothing(tmp_path):
  clock = Goodput(tmp_path, {}, began=0.0, writes=False)
  clock.started(0)
  clock.write(1)
  assert not list(tmp_path.iterdir())
