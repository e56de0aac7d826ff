"""Programs that reach for what is not theirs: there is nothing there, or they may not."""

import errno
import os
import pathlib
import socket
import textwrap

import pytest

HERE = pathlib.Path(__file__).resolve()
ROOT = HERE.parents[2]

REFUSED = {
  "read /etc/shadow": "open('/etc/shadow')",
  "read what its root stands on": "open('/../old/etc/passwd')",
  "read /root": "os.listdir('/root') and open('/root/.bashrc')",
  "read /home": "os.listdir('/home')",
  "read the checkout": f"os.listdir({str(ROOT)!r})",
  "write to the library": "open(os.__file__, 'a')",
  "write to the root": "open('/a', 'w')",
  "write to /usr": "os.mkdir('/usr/a')",
  "write to /dev": "open('/dev/a', 'w')",
  "remove a library": "os.unlink(os.__file__)",
  "change a library's mode": "os.chmod(os.__file__, 0o777)",
  "read the worker's environment": "open('/proc/1/environ', 'rb').read()",
  "read the worker's memory": "open('/proc/1/mem', 'rb')",
  "list the worker's files": "os.listdir('/proc/1/fd')",
  "open the worker's root": "os.listdir('/proc/1/root')",
  "read a disk": "open('/dev/sda')",
  "read memory": "open('/dev/mem')",
  "set a kernel's switch": "open('/proc/sys/kernel/core_pattern', 'w')",
  "open a terminal": "open('/dev/tty')",
  "be root": "os.setuid(0)",
  "be another": "os.setresuid(1, 1, 1)",
  "rename the machine": "__import__('socket').sethostname('a')",
  "open a socket": "__import__('socket').socket()",
  "open a raw socket": "__import__('socket').socket(17, 3, 0)",
  "open a socket to the host of this machine": "__import__('socket').socket(40, 1)",
  "connect": "__import__('socket').create_connection(('127.0.0.1', 80), 5)",
  "hard-link a library": "os.link(os.__file__, 'a')",
  "follow a link out of its folder": "os.symlink('/etc/shadow', 'a'); open('a')",
  "write through a link": "os.symlink('/usr/a', 'b'); open('b', 'w')",
  "raise its limits": "resource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40))",
  "change the worker's limits": "resource.prlimit(1, resource.RLIMIT_CPU, (1, 1))",
  "slow the worker": "os.setpriority(os.PRIO_PROCESS, 1, 19)",
  "take a core from the worker": "os.sched_setaffinity(1, {0})",
  "have files in memory alone": "os.memfd_create('a')",
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_program_cannot(run, what):
  verdict = run(f"""
import os, resource
try:
  {REFUSED[what]}
except (OSError, ValueError): pass
else: raise SystemError("it could")
""")
  assert verdict.passed, verdict


CALLS = {
  "unshare": "libc.unshare(0x10000000)",
  "setns": "libc.setns(0, 0)",
  "clone into a namespace": "libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)",
  "mount": "libc.mount(b'a', b'/tmp', b'tmpfs', 0, None)",
  "unmount": "libc.umount2(b'/tmp', 2)",
  "ptrace": "libc.ptrace(16, 1, 0, 0)",
  "keyctl": "libc.syscall(250, 0, -3, 1)",
  "bpf": "libc.syscall(321, 0, 0, 0)",
  "io_uring": "libc.syscall(425, 1, 0)",
  "perf": "libc.syscall(298, 0, 0, -1, -1, 0)",
  "shared memory": "libc.shmget(0, 4096, 0o1777)",
  "message queue": "libc.msgget(1, 0o1777)",
}


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of calls are of x86_64")
@pytest.mark.parametrize("what", CALLS)
def test_the_kernel_refuses(run, what):
  verdict = run(f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
assert {CALLS[what]} == -1
assert ctypes.get_errno() == {errno.EPERM}, ctypes.get_errno()
""")
  assert verdict.passed, verdict


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are of x86_64")
def test_calls_in_another_machines_numbers_end_the_program(run):
  verdict = run("import ctypes\nctypes.CDLL(None).syscall(0x40000000 | 39)")
  assert (verdict.outcome, verdict.detail) == ("crashed", "ended by SIGSYS")


def test_the_working_tree_outlives_a_program_that_deletes_all(run):
  verdict = run(
    textwrap.dedent(f"""
    import os, shutil
    library = os.path.dirname(os.__file__)
    for place in ({str(ROOT)!r}, "/srv", "/home", library + "/json", os.path.expanduser("~"), "."):
      shutil.rmtree(place, ignore_errors=True)
    assert os.path.exists(library + "/json/__init__.py")
    """)
  )
  assert verdict.passed and HERE.exists()
  assert run("import json.tool").passed


def test_no_secret_of_the_environment_is_seen(run, monkeypatch):
  monkeypatch.setenv("A_SECRET", "xyzzy")
  verdict = run("import os", postlude="value = dict(program['os'].environ)")
  assert verdict.value.keys() <= {
    *("PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE", "PYTHONHASHSEED"),
    *("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"),
  }


def test_a_server_on_this_machine_is_not_reached(run):
  with socket.create_server(("127.0.0.1", 0)) as server:
    server.settimeout(0)
    port = server.getsockname()[1]
    verdict = run(f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 5)")
    assert verdict.outcome == "failed"
    with pytest.raises(BlockingIOError):
      server.accept()


def test_it_shares_no_namespace_with_us(run):
  names = ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup")
  source = f"import os\nx = [os.readlink('/proc/self/ns/' + name) for name in {names}]"
  its = run(source, postlude="value = program['x']").value
  assert len(its) == 7
  assert not {*its} & {str(pathlib.Path(f"/proc/self/ns/{n}").readlink()) for n in names}


def test_only_its_own_processes_are_seen(run):
  verdict = run("""
import os
assert {int(name) for name in os.listdir("/proc") if name.isdigit()} == {1, os.getpid()}
""")
  assert verdict.passed, verdict


def test_neither_parent_nor_worker_can_be_killed(run):
  verdict = run(f"""
import os, signal
for pid in (1, os.getppid(), {os.getpid()}, {os.getppid()}):
  for one in signal.valid_signals():
    try: os.kill(pid, one)
    except OSError: pass
""")
  assert verdict.passed and verdict.attempts == 1, verdict


def test_to_kill_everyone_is_to_kill_nobody(run):
  verdict = run("import os\ntry: os.kill(-1, 9)\nexcept ProcessLookupError: pass")
  assert verdict.passed and verdict.attempts == 1, verdict


def test_other_programs_can_be_started(run):
  verdict = run("""
import subprocess, sys
assert subprocess.run(["/bin/echo", "a"], capture_output=True).stdout == b"a\\n"
code = "import os; assert os.getuid() == 65534; print(1)"
assert subprocess.run([sys.executable, "-c", code], capture_output=True).stdout == b"1\\n"
""")
  assert verdict.passed, verdict
