"""Workers end when there is nobody left to work for, and leave no process behind."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time

import pytest

from codegen_jax.sandbox.pool import Program, Sandbox
from tests.sandbox.conftest import LIMITS

ROOT = pathlib.Path(__file__).resolve().parents[2]


def below(pid: int) -> set[int]:
  """All processes that descend from one."""
  found, new = set(), {pid}
  while new:
    found |= new
    one = new.pop()
    with contextlib.suppress(OSError):
      for task in pathlib.Path(f"/proc/{one}/task").iterdir():
        new |= {int(n) for n in (task / "children").read_text().split()}
  return found - {pid}


def wait_until_gone(pids: set[int]) -> None:
  """The test's own limit of time is that of the suite."""
  begun = time.monotonic()
  while alive := {pid for pid in pids if running(pid)}:
    assert time.monotonic() < begun + 60, alive
    time.sleep(0.02)


def running(pid: int) -> bool:
  try:
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
  except OSError:
    return False


PARENT = """
import os, subprocess, sys
from codegen_jax.sandbox.pool import Limits, Program, Sandbox
with Sandbox(limits=Limits(cpu_seconds=60, wall_seconds=600), workers=1) as sandbox:
  link = sandbox._links[0]
  if {hold}:  # another process keeps the worker's pipe open, so that its end tells nothing
    pipe = link._process.stdin.fileno()
    held = subprocess.Popen(["/bin/sleep", "1000"], pass_fds=[pipe], start_new_session=True)
    print(held.pid)
  if {busy}:
    link.give(Program("import time; time.sleep(1000)"), sandbox._limits)
  print(link.pid, flush=True)
  sys.stdin.read()
"""


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("busy", [False, True])
def test_workers_end_when_their_parent_is_killed(hold, busy):
  parent = subprocess.Popen(
    [sys.executable, "-c", PARENT.format(hold=hold, busy=busy)],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
    cwd=ROOT,
    env={**os.environ, "PYTHONPATH": str(ROOT)},
  )
  holder = int(parent.stdout.readline()) if hold else None
  try:
    worker = int(parent.stdout.readline())
    while len(below(worker)) < 1 + busy:
      time.sleep(0.01)
    family = {worker, *below(worker)}
    parent.kill()
    parent.wait()
    wait_until_gone(family)
  finally:
    if holder:
      os.kill(holder, signal.SIGKILL)
    parent.stdin.close()
    parent.stdout.close()


def test_workers_end_when_their_pipe_is_closed():
  with Sandbox(limits=LIMITS, workers=1) as sandbox:
    link = sandbox._links[0]
    family = {link.pid, *below(link.pid)}
    assert len(family) == 2
    link._process.stdin.close()
    wait_until_gone(family)


def test_nothing_is_left_when_a_sandbox_closes():
  before = below(os.getpid())
  with Sandbox(limits=LIMITS, workers=2) as sandbox:
    sandbox._links[0].give(Program("import os, time\nos.fork()\ntime.sleep(1000)"), LIMITS)
    family = below(os.getpid()) - before
    assert len(family) >= 4
  wait_until_gone(family)


@pytest.fixture
def readable():
  """A folder that everyone may read, unlike pytest's own."""
  with tempfile.TemporaryDirectory() as folder:
    pathlib.Path(folder).chmod(0o755)
    yield folder


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_it_works_for_a_user_who_is_not_root(readable):
  # The interpreter of these tests may lie where only root can read, so the system's is taken.
  python = shutil.which("python3", path="/usr/bin")
  if python is None:
    pytest.skip("there is no /usr/bin/python3")
  ours = pathlib.Path(readable) / "codegen_jax"
  shutil.copytree(ROOT / "codegen_jax" / "sandbox", ours / "sandbox")
  for name in ("__init__.py", "errors.py"):
    shutil.copy(ROOT / "codegen_jax" / name, ours)
  source = """
    from codegen_jax.sandbox.pool import Program, Sandbox
    from codegen_jax.sandbox.verdict import Limits
    def run():
      with Sandbox(workers=1, limits=Limits(cpu_seconds=1, wall_seconds=60)) as sandbox:
        assert sandbox.level == "namespaces" and sandbox.seccomp
        look = "import os; assert not os.listdir('.'); open('a', 'w')  # "
        sources = ["import os; open('a', 'w'); os.utime('.', ns=(0, 0))", look + "1",
          "import os; os.chmod('.', 0)", look + "2",
          "import os\\nfor s in range(1, 65):\\n  try: os.kill(1, s)\\n  except OSError: pass",
          "import os; os.setpriority(os.PRIO_PROCESS, 1, 5)", "open('/proc/1/environ')",
          "import ctypes; assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0, 'can be dumped'",
          "while True: pass"]
        print([v.outcome for v in sandbox.run([Program(s) for s in sources])])
    run()
  """
  done = subprocess.run(
    [python, "-c", textwrap.dedent(source)],
    cwd=readable,
    user=12345,
    group=12345,
    extra_groups=[],
    env={"PATH": "/usr/bin:/bin"},
    capture_output=True,
    text=True,
    check=False,
  )
  if "cannot be kept in" in done.stderr:
    pytest.skip(done.stderr.strip().splitlines()[-1])
  expected = [*["passed"] * 5, "failed", "failed", "passed", "timeout"]
  assert done.stdout.strip() == str(expected), done.stdout + done.stderr
