"""Without namespaces: refused, unless that was allowed; then limits and the filter remain."""

import pathlib
import time

import pytest

from codegen_jax.errors import InputError
from codegen_jax.sandbox import link, pool
from codegen_jax.sandbox.pool import Program, Sandbox, run_programs
from tests.sandbox.conftest import LIMITS

NO_NAMESPACES = (
  "from codegen_jax.sandbox import linux, worker\n"
  "def unshare(flags): raise PermissionError(1, 'unshare: Operation not permitted')\n"
  "linux.unshare = unshare\n"
)


@pytest.fixture
def no_namespaces(monkeypatch):
  monkeypatch.setattr(link, "_START", link._START.replace("from codegen_jax", f"exec({NO_NAMESPACES!r}); from codegen_jax"))  # fmt: skip  # noqa: E501


@pytest.mark.usefixtures("no_namespaces")
def test_it_is_refused_in_one_sentence():
  with pytest.raises(InputError, match=r"cannot be kept in .*unshare.*allow_weak=True"):
    run_programs([Program("x = 1")])


@pytest.mark.usefixtures("no_namespaces")
def test_it_is_done_where_allowed_and_said():
  with Sandbox(limits=LIMITS, workers=1, allow_weak=True) as sandbox:
    assert (sandbox.level, sandbox.seccomp) == ("rlimits", True)
    assert sandbox.run([Program("x = 1")])[0].passed


@pytest.fixture(scope="module")
def weak():
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(pool, "LEVELS", ("rlimits",))
    with Sandbox(limits=LIMITS, workers=1, allow_weak=True) as sandbox:
      yield sandbox


@pytest.mark.parametrize(
  "expected, source",
  [
    ("passed", "assert 1"),
    ("failed", "assert 0"),
    ("timeout", "while True:\n  try:\n    while True: pass\n  except BaseException: pass"),
    ("memory", "x = bytearray(10 * 2**30)"),
    ("crashed", "import os; os._exit(0)"),
    ("failed", "with open('a', 'wb') as file:\n  while True: file.write(b'x' * 2**20)"),
    ("failed", "import socket; socket.socket()"),
    ("failed", "kept = []\nwhile True: kept.append(open('/dev/null'))"),
  ],
)
def test_limits_hold(weak, expected, source):
  assert weak.run([Program(source)])[0].outcome == expected


def test_each_program_has_an_empty_folder(weak):
  leave = "import os; os.makedirs('a/b'); open('a/b/c', 'w'); os.chmod('a', 0); os.chmod('.', 0)"
  look = "import os; assert not os.listdir('.'); open('d', 'w')"
  assert all(v.passed for v in weak.run([Program(leave), Program(look)]))


def test_orphans_are_found_and_ended(weak):
  source = """
import os, time
here, there = os.pipe()
if os.fork() == 0:
  os.setsid()
  orphan = os.fork()
  if orphan == 0: time.sleep(1000)
  os.write(there, str(orphan).encode())
  os._exit(0)
os.wait()
orphan = int(os.read(here, 99))
"""
  verdict = weak.run([Program(source, postlude="value = program['orphan']")])[0]
  assert verdict.passed and verdict.wall_seconds < 60
  assert not pathlib.Path(f"/proc/{verdict.value}").exists()
  look = "import os; os.waitpid(-1, os.WNOHANG)"
  assert weak.run([Program(look)])[0].detail.startswith("ChildProcessError")


def test_its_folder_is_removed_in_the_end(monkeypatch):
  monkeypatch.setattr(pool, "LEVELS", ("rlimits",))
  with Sandbox(limits=LIMITS, workers=1, allow_weak=True) as sandbox:
    where = Program("import os; x = os.getcwd(); open('a', 'w')", postlude="value = program['x']")
    folder = pathlib.Path(sandbox.run([where])[0].value)
    assert folder.exists()
  assert not folder.exists()


def test_a_running_program_ends_with_its_sandbox(monkeypatch):
  monkeypatch.setattr(pool, "LEVELS", ("rlimits",))
  with Sandbox(limits=LIMITS, workers=1, allow_weak=True) as sandbox:
    sandbox._links[0].give(Program("import time; time.sleep(1000)"), LIMITS)
    worker = sandbox._links[0].pid
    children = pathlib.Path(f"/proc/{worker}/task/{worker}/children")
    while not (found := children.read_text().split()):
      time.sleep(0.01)
  assert not pathlib.Path(f"/proc/{found[0]}").exists()
