"""A step that hangs says where."""

import time

from codegen_jax.training.watchdog import Watchdog


def hang_here(seconds: float) -> None:
  time.sleep(seconds)


def test_a_silence_is_told_once_with_the_stacks(tmp_path, capfd):
  with Watchdog(tmp_path, 0.2).watching() as watchdog:
    watchdog.beat(6)
    hang_here(0.9)
  (path,) = (tmp_path / "stacks").iterdir()
  assert path.name == "step_00000007_process_0.txt"
  assert path.read_text().count("hang_here") == 1
  said = capfd.readouterr().err
  assert "step 7 takes longer than 0 s" in said and "hang_here" in said


def test_a_run_that_goes_on_or_asks_for_none_is_left_alone(tmp_path):
  with Watchdog(tmp_path, 0.5).watching() as watchdog:
    for step in range(8):
      time.sleep(0.1)
      watchdog.beat(step)
  with Watchdog(tmp_path, 0.0).watching():
    time.sleep(0.3)
  assert not list(tmp_path.iterdir())
