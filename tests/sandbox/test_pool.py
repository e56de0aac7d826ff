"""What a caller gets back, and when there is nothing to get."""

import importlib.util
import os
import pathlib
import signal
import threading
import time

import pytest

from codegen_jax.errors import InputError
from codegen_jax.sandbox import link, pool
from codegen_jax.sandbox.pool import HarnessError, Limits, Program, Sandbox, run_programs
from tests.sandbox.conftest import LIMITS

SLEEP = "import time; time.sleep(1000)"


def test_verdicts_come_in_the_order_of_the_programs():
  programs = [Program(f"assert {i} % 3\nvalue = {i}") for i in range(20)]
  verdicts = run_programs(programs, limits=LIMITS, workers=2)
  assert [v.passed for v in verdicts] == [i % 3 != 0 for i in range(20)]


def test_no_programs_have_no_verdicts(sandbox):
  assert sandbox.run([]) == []


def test_the_same_program_runs_once(sandbox, monkeypatch):
  given = []
  link = sandbox._links[0]
  monkeypatch.setattr(
    link, "give", lambda *job, give=link.give: (given.append(job[0].source), give(*job))
  )
  verdicts = sandbox.run([Program("x = 1"), Program("x = 2"), Program("x = 1")])
  assert given.count("x = 1") == given.count("x = 2") == 1
  assert verdicts[0] == verdicts[2]
  other = sandbox.run([Program("x = 1"), Program("x = 1", postlude="value = 2")])
  assert [v.value for v in other] == [None, 2]


def test_a_prelude_shares_and_a_postlude_looks(run):
  verdict = run(
    "say(2)\nsay(x)\ny = 5",
    prelude="said = []\nshared = {'say': said.append, 'x': 3}\nhidden = 1",
    postlude="value = {'said': said, 'y': program['y'], 'hidden': 'hidden' in program}",
  )
  assert verdict.value == {"said": [2, 3], "y": 5, "hidden": False}


def test_a_value_that_is_not_json_is_a_failure(run):
  verdict = run("x = {1}", postlude="value = program['x']")
  assert verdict.outcome == "failed" and "cannot be JSON" in verdict.detail


def test_an_error_of_the_postlude_is_the_programs(run):
  assert run("x = 1", postlude="value = program['y']").outcome == "failed"


@pytest.mark.parametrize(
  "around", [{"prelude": "raise ValueError"}, {"prelude": "f("}, {"postlude": "f("}]
)
def test_what_we_lay_around_a_program_must_itself_run(run, around):
  with pytest.raises(HarnessError, match="around a program"):
    run("x = 1", **around)
  assert run("x = 1").passed


def test_after_a_run_that_ended_early_answers_are_not_mixed_up():
  with Sandbox(limits=LIMITS, workers=2) as sandbox:
    slow = Program("import time; time.sleep(0.5)", postlude="value = 'slow'")
    with pytest.raises(HarnessError, match="around a program"):
      sandbox.run([slow, Program("", prelude="f(")])
    programs = [Program("", postlude=f"value = {i}") for i in range(9)]
    assert [v.value for v in sandbox.run(programs)] == [*range(9)]


def test_a_value_may_nest_too_deep(run):
  for depth in (100, 600, 900, 960, 10**5):
    verdict = run("", postlude=f"value = 1\nfor _ in range({depth}): value = [value]")
    assert verdict.passed == (verdict.value is not None)
    assert verdict.passed or verdict.outcome == "failed"


def test_output_is_kept_only_where_asked(sandbox):
  talk = Program("import os, sys\nprint('a')\nsys.stderr.write('b')\nos.write(1, b'c')")
  assert sorted(sandbox.run([talk])[0].output) == ["\n", "a", "b", "c"]
  assert run_programs([talk])[0].output == ""
  assert run_programs([Program("input()")])[0].detail.startswith("EOFError")


def test_what_was_slow_is_run_again_alone_before_it_counts():
  limits = Limits(wall_seconds=1.0, cpu_seconds=20)
  with Sandbox(limits=limits, workers=2) as sandbox:
    slept, passed = sandbox.run([Program(SLEEP), Program("x = 1")])
  assert (slept.outcome, slept.attempts) == ("timeout", 2)
  assert "1 s" in slept.detail and slept.cpu_seconds < 1
  assert passed.passed


def test_what_was_slow_only_once_passes(sandbox, monkeypatch):
  link = sandbox._links[0]
  slow = iter([True])

  def take(seconds, take=link.take):
    said = take(seconds)
    return {**said, "stopped": "wall", "outcome": "timeout"} if next(slow, False) else said

  monkeypatch.setattr(pool.self_test, "tell_right_from_wrong", lambda links: None)
  monkeypatch.setattr(link, "take", take)
  verdict = sandbox.run([Program("x = 1")])[0]
  assert (verdict.outcome, verdict.attempts) == ("passed", 2)


def test_what_was_killed_from_outside_is_run_again_alone(run):
  # As by a kernel that is out of memory; here by itself, both times.
  verdict = run("import os; os.kill(os.getpid(), 9)")
  assert (verdict.outcome, verdict.attempts) == ("crashed", 2)


@pytest.mark.parametrize(
  "odd", ["import os; os.kill(os.getpid(), 9)", "import os, time\nos.fork() or time.sleep(1000)"]
)
def test_a_worker_does_not_stay_where_something_odd_happened(sandbox, odd):
  before = sandbox._links[0].pid
  sandbox.run([Program("x = 1")])
  assert sandbox._links[0].pid == before
  sandbox.run([Program(odd)])
  assert sandbox._links[0].pid != before


def test_a_worker_that_does_not_answer_ends_the_run(monkeypatch):
  with Sandbox(limits=LIMITS, workers=1) as sandbox:
    monkeypatch.setattr(pool.self_test, "tell_right_from_wrong", lambda links: None)
    monkeypatch.setattr(pool, "patience", lambda limits: 0.5)
    monkeypatch.setattr(link, "_FAREWELL", 0.1)
    outer = sandbox._links[0].pid
    (worker,) = map(int, pathlib.Path(f"/proc/{outer}/task/{outer}/children").read_text().split())
    os.kill(worker, signal.SIGSTOP)
    try:
      with pytest.raises(HarnessError, match="does not answer"):
        sandbox.run([Program("x = 1")])
    finally:
      os.kill(worker, signal.SIGCONT)


def test_there_are_no_more_workers_than_cores():
  assert Sandbox()._workers == len(os.sched_getaffinity(0))


def kill_workers(sandbox: Sandbox, times: int) -> threading.Thread:
  """Kills its only worker soon after each start of a program."""

  def kill():
    for _ in range(times):
      link = sandbox._links[0]
      before = link.programs
      while sandbox._links[0] is link and link.programs == before:
        time.sleep(0.01)
      time.sleep(0.3)
      os.kill(link.pid, signal.SIGKILL)
      while sandbox._links[:1] == [link]:
        time.sleep(0.01)

  thread = threading.Thread(target=kill, daemon=True)
  thread.start()
  return thread


def test_a_worker_that_dies_is_replaced_and_its_program_run_again(monkeypatch):
  with Sandbox(limits=Limits(wall_seconds=60), workers=1) as sandbox:
    monkeypatch.setattr(pool.self_test, "tell_right_from_wrong", lambda links: None)
    thread = kill_workers(sandbox, 1)
    verdicts = sandbox.run([Program("import time; time.sleep(2)"), Program("x = 1")])
    thread.join()
  assert [(v.outcome, v.attempts) for v in verdicts] == [("passed", 2), ("passed", 1)]


def test_a_worker_that_dies_twice_ends_the_run(monkeypatch):
  with Sandbox(limits=Limits(wall_seconds=60), workers=1) as sandbox:
    monkeypatch.setattr(pool.self_test, "tell_right_from_wrong", lambda links: None)
    monkeypatch.setattr(sandbox, "_check_in", lambda link, level: link.ready())
    kill_workers(sandbox, 2)
    with pytest.raises(HarnessError, match="twice"):
      sandbox.run([Program(SLEEP)])


def test_a_worker_is_renewed_after_many_programs(monkeypatch):
  monkeypatch.setattr(pool, "RENEW", 10)
  with Sandbox(limits=LIMITS, workers=1) as sandbox:
    first = sandbox._links[0].pid
    assert all(v.passed for v in sandbox.run([Program(f"x = {i}") for i in range(20)]))
    assert sandbox._links[0].pid != first


def test_a_module_is_imported_once_for_all_and_a_package_can_be(tmp_path):
  with pytest.raises(InputError, match="nobody"):
    Sandbox(packages=[tmp_path])
  tmp_path.chmod(0o777)
  (tmp_path / "ours.py").write_text("import os\npid = os.getpid()\nvalue = 7")
  (tmp_path / "other.py").write_text("value = 8")
  source = "import os, ours, other\nassert (ours.value, other.value, ours.pid) == (7, 8, 1)"
  with Sandbox(limits=LIMITS, workers=1, packages=[tmp_path], preload=["ours"]) as sandbox:
    verdict = sandbox.run([Program(source), Program(f"open({str(tmp_path / 'a')!r}, 'w')")])
  assert verdict[0].passed, verdict[0]
  assert verdict[1].outcome == "failed" and not (tmp_path / "a").exists()


def test_a_module_that_is_not_there_is_named():
  with (
    pytest.raises(HarnessError, match="nowhere_to_be_found"),
    Sandbox(workers=1, preload=["nowhere_to_be_found"]),
  ):
    pass


def test_a_package_that_is_not_there_is_named(tmp_path):
  with pytest.raises(InputError, match="is no folder"):
    Sandbox(packages=[tmp_path / "a"])


def test_our_mask_of_modes_is_not_theirs():
  ours = os.umask(0o077)
  try:
    verdicts = run_programs([Program("import os; assert os.umask(0) == 0o022")])
  finally:
    os.umask(ours)
  assert verdicts[0].passed


def test_no_workers_are_refused():
  with pytest.raises(InputError, match="0 workers"):
    Sandbox(workers=0)


def test_numpy_is_there_where_it_is_asked_for():
  numpy = importlib.util.find_spec("numpy")
  site = pathlib.Path(numpy.origin).parents[1]
  right = "import numpy as np\nassert (np.ones((99, 99)) @ np.ones((99, 99))).sum() == 99**3"
  with Sandbox(workers=1, packages=[site], preload=["numpy"]) as sandbox:
    verdicts = sandbox.run([Program(right), Program("import numpy\nnumpy.ones(10**11)")])
  assert [v.outcome for v in verdicts] == ["passed", "memory"]
