"""Runs beside one another: in order, on cores of their own, and ended together."""

import json
import os
import pathlib
import signal
import threading
import time

import pytest

from codegen_jax.errors import InputError
from experiments import pool
from experiments.work import Job


@pytest.fixture(autouse=True)
def fake(monkeypatch):
  monkeypatch.setattr(pool, "PROGRAM", "tests.experiments.fake_work")


def job(folder: pathlib.Path, label: str) -> Job:
  return Job(label, (), (), (), str(folder / label), (), total_steps=5, row_tokens=10)


def told(one: Job) -> dict:
  return json.loads((pathlib.Path(one.workdir) / "told.json").read_text())


def alone(one: Job) -> None:
  return None


def test_a_run_waits_for_the_one_that_it_begins_with_and_no_other(tmp_path, capsys):
  first, other, second = (job(tmp_path, name) for name in ("slow", "b", "c"))
  before = {second.workdir: first.workdir}
  pool.do([first, second, other], lambda one: before.get(one.workdir), at_once=2)
  assert told(first)["ended"] <= told(second)["began"]
  assert told(other)["began"] < told(first)["ended"]
  said = capsys.readouterr().err
  assert "[3/3 done]" in said and "started c" in said


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core cannot be shared out")
def test_runs_at_the_same_time_share_no_core(tmp_path):
  jobs = [job(tmp_path, name) for name in ("a", "b")]
  pool.do(jobs, alone, at_once=2)
  one, other = (told(each)["cores"] for each in jobs)
  assert one and other and not {*one} & {*other}


@pytest.mark.parametrize(
  ("label", "code", "sentence"),
  [
    ("fails", 2, "fails: the folder is full; make room (all it said: "),
    ("dies", 1, "dies was killed by SIGKILL"),
  ],
)
def test_a_run_that_fails_ends_all_with_its_code_and_its_last_words(
  tmp_path, label, code, sentence
):
  waiting, stays = job(tmp_path, "never"), job(tmp_path, "stays")
  bad = job(tmp_path, label)
  # The one that stays is ready before the other fails: it takes no signal before.
  started = pool._Pool._next

  def next_job(self):
    if self._waiting and self._waiting[0] is bad:
      until = time.monotonic() + 30
      while not (tmp_path / "stays" / "ready").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    return started(self)

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(pool._Pool, "_next", next_job)
    with pytest.raises(pool.RunFailedError) as error:
      pool.do([stays, bad, waiting], alone, at_once=2)
  assert error.value.code == code and sentence in str(error.value)
  assert (tmp_path / "stays" / "left").read_text() == "SIGTERM"
  assert not (tmp_path / "never").exists()


@pytest.mark.parametrize(
  ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, pool.RunFailedError)]
)
def test_a_signal_reaches_every_run_once(tmp_path, number, raised):
  jobs = [job(tmp_path, f"stays {i}") for i in range(2)]
  handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background

  def send() -> None:
    until = time.monotonic() + 30
    while not all((pathlib.Path(one.workdir) / "ready").exists() for one in jobs):
      assert time.monotonic() < until
      time.sleep(0.02)
    os.kill(os.getpid(), number)

  sender = threading.Thread(target=send)
  sender.start()
  try:
    with pytest.raises(raised) as error:
      pool.do(jobs, alone, at_once=2)
  finally:
    sender.join()
    signal.signal(signal.SIGINT, handler)
  for one in jobs:
    assert (pathlib.Path(one.workdir) / "left").read_text() == number.name
  if raised is pool.RunFailedError:
    assert error.value.code == 75


def test_no_process_at_all_is_a_sentence(tmp_path):
  with pytest.raises(InputError, match="--jobs is 0; give 1 or more"):
    pool.do([job(tmp_path, "a")], alone, at_once=0)
