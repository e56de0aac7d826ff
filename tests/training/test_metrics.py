"""The log has every step once."""

import json

import pytest

from codegen_jax.training import metrics


def write(workdir, *steps: int, start_step: int) -> None:
  log = metrics.of_steps(workdir, start_step=start_step)
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
  log = metrics.of_steps(tmp_path, start_step=0)
  log.write({"step": 1, "train/loss": 2.0})
  log.flush()
  assert metrics.read(tmp_path) == [{"step": 1, "train/loss": 2.0}]
  log.close()
  assert list((tmp_path / "tensorboard").iterdir())
