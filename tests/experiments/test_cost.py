"""Hours of runs, alone and beside one another."""

import json

import pytest

from experiments import cost

HOUR = 3600


def make(folder, *spans, cores=(), devices="1 x cpu", commit="abc"):
  folder.mkdir()
  environment = {"devices": devices, "cpus": 8, "commit": commit}
  attempts = [{"began": b * HOUR, "ended": e * HOUR, "environment": environment} for b, e in spans]
  (folder / "goodput.json").write_text(json.dumps({"attempts": attempts}))
  if cores:
    (folder / "job.json").write_text(json.dumps({"cores": cores}))
  return folder


def test_runs_at_the_same_time_take_their_hours_each_and_the_wall_once(tmp_path):
  one = make(tmp_path / "a", (0, 2), (4, 5), cores=[0])
  other = make(tmp_path / "b", (1, 3), cores=[1, 2], commit="def+")
  told = cost.of([one, other])
  assert (told["hours"], told["wall_hours"]) == (5, 4)  # 0 to 3 and 4 to 5
  assert told["core_hours"] == 3 * 1 + 2 * 2
  assert (told["began"], told["ended"]) == (
    "1970-01-01T00:00:00+00:00", "1970-01-01T05:00:00+00:00",
  )  # fmt: skip
  assert told["commits"] == ["abc", "def+"]
  assert "2 runs, 5 hours of training in 4 hours (7 core hours)" in cost.sentence(told)


def test_a_run_without_cores_of_its_own_has_all_of_them(tmp_path):
  assert cost.of([make(tmp_path / "a", (0, 1))])["core_hours"] == 8


def test_accelerators_are_counted_and_not_their_hosts_cores(tmp_path):
  told = cost.of([make(tmp_path / "a", (0, 2), devices="4 x TPU v4")])
  assert told["device_hours"] == pytest.approx(8) and "core_hours" not in told


def test_a_run_that_tells_nothing_is_named(tmp_path):
  (tmp_path / "b").mkdir()
  told = cost.of([make(tmp_path / "a", (0, 1)), tmp_path / "b"])
  assert told["runs_without_record"] == 1 and "1 run told nothing" in cost.sentence(told)
  assert "none tells" in cost.sentence(cost.of([tmp_path / "b"]))
