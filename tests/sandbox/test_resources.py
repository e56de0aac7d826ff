"""Programs that take all they can get: contained, told apart, and the next one does not notice."""

import textwrap

import pytest

from tests.sandbox.conftest import LIMITS

GREEDY = {
  "a loop that catches everything": (
    "timeout",
    """
    while True:
      try:
        while True: pass
      except BaseException: pass
    """,
  ),
  "a loop that catches signals": (
    "timeout",
    """
    import signal
    for one in (signal.SIGALRM, signal.SIGXCPU, signal.SIGTERM, signal.SIGINT):
      signal.signal(one, lambda *_: None)
    while True: pass
    """,
  ),
  "children that share the work": (
    "timeout",
    """
    import os
    for _ in range(3):
      if os.fork() == 0:
        while True: pass
    os.wait()
    """,
  ),
  "a fork bomb": ("timeout", "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"),
  "ten gigabytes": ("memory", "x = bytearray(10 * 2**30)"),
  "a list without end": ("memory", "x = [0]\nwhile True: x += x"),
  "a source that nests too deep": ("memory", "(" * 190 + ")" * 190 + "\nx = [0] * 2**40"),
  "endless recursion": ("failed", "def f(): f()\nf()"),
  "a stack that overflows": (
    "crashed",
    """
    import sys
    sys.setrecursionlimit(10**8)
    class A:
      def __getattribute__(self, name): return getattr(self, name)
    A().x
    """,
  ),
}


@pytest.mark.parametrize("name", GREEDY)
def test_greed_is_contained_and_named(run, run_patiently, name):
  expected, source = GREEDY[name]
  run = run if expected == "timeout" else run_patiently
  verdict = run(textwrap.dedent(source))
  assert (verdict.outcome, verdict.attempts) == (expected, 1), verdict
  assert run("assert 1 + 1 == 2").passed


def test_a_program_may_go_on_without_what_it_did_not_get(run_patiently):
  verdict = run_patiently("try: bytearray(2**30)\nexcept MemoryError: pass\nelse: raise ValueError")
  assert verdict.passed, verdict


def test_memory_of_all_processes_counts_together(run_patiently):
  verdict = run_patiently("""
import os
for _ in range(4):
  if os.fork() == 0:
    held = b"x" * (100 * 2**20)
    while True: os.read(os.pipe()[0], 1)
for _ in range(4): os.wait()
""")
  assert verdict.outcome == "memory" and "processes" in verdict.detail


def test_time_of_children_counts(run):
  verdict = run("""
import os
child = os.fork()
if child == 0:
  try:
    sum(range(10**7))
  finally: os._exit(0)
os.wait()
""")
  assert verdict.passed or verdict.outcome == "timeout"
  assert verdict.cpu_seconds > 0.02


def test_no_file_outgrows_its_limit(run_patiently):
  verdict = run_patiently("with open('a', 'wb') as file:\n  file.truncate(10 * 2**30)")
  assert verdict.outcome == "failed" and "File too large" in verdict.detail, verdict


def test_a_file_of_ten_gigabytes_is_an_error(run_patiently):
  verdict = run_patiently("with open('a', 'wb') as file:\n  while True: file.write(b'x' * 2**20)")
  assert verdict.outcome == "failed" and "File too large" in verdict.detail


def test_many_files_do_not_fill_more_than_the_disk(run_patiently):
  verdict = run_patiently("""
written = 0
try:
  for i in range(100):
    with open(str(i), "wb", buffering=0) as file:
      written += file.write(b"x" * 2**20)
except OSError: pass
assert 2**22 < written <= 2**23, written
""")
  assert verdict.passed, verdict


def test_files_without_content_run_out_too(run_patiently):
  source = "import os\nfor i in range(10**5): os.close(os.open(str(i), os.O_CREAT))"
  verdict = run_patiently(source)
  assert verdict.outcome == "failed" and "No space left" in verdict.detail, verdict


def test_open_files_run_out(run_patiently):
  verdict = run_patiently("""
kept = []
try:
  while True: kept.append(open("/dev/null"))
except OSError: pass
assert len(kept) < 64
del kept
open("/dev/null").close()
""")
  assert verdict.passed, verdict
  held = run_patiently("kept = []\nwhile True: kept.append(open('/dev/null'))")
  assert held.outcome == "failed" and "Too many open files" in held.detail


def test_output_without_end_is_cut_and_does_not_block(run):
  verdict = run("for _ in range(20000): print('x' * 99)")
  assert verdict.passed and verdict.output == ("x" * 99 + "\n") * 10
  assert len(verdict.output) == LIMITS.output


def test_output_may_be_cut_within_a_character(run):
  assert run("print('x' + 'é' * 600)").output == "x" + "é" * 499 + "\ufffd"


def test_a_value_too_large_is_no_pass(run):
  verdict = run("", postlude="value = 'x' * 2**21")
  assert verdict.outcome == "failed" and "more than" in verdict.detail


@pytest.mark.parametrize("daemon", [True, False])
def test_threads_that_are_left_behind_end_with_the_program(run, daemon):
  verdict = run(f"""
import threading, time
for _ in range(3):
  threading.Thread(target=time.sleep, args=(1000,), daemon={daemon}).start()
""")
  assert verdict.passed and verdict.wall_seconds < 100


def test_threads_run_out(run):
  verdict = run("""
import threading
stop = threading.Event()
try:
  for _ in range(100): threading.Thread(target=stop.wait, daemon=True).start()
except RuntimeError: pass
assert threading.active_count() <= 16
""")
  assert verdict.passed, verdict
