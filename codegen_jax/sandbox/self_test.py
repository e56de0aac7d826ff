"""Whether a sandbox tells right from wrong, and keeps programs in: asked each time, of itself.

A harness that scores everything 1.0 or 0.0 looks like a result.
"""

from collections.abc import Iterator, Sequence
import contextlib
import os
import pathlib
import shutil
import socket
import tempfile

from codegen_jax.sandbox.link import ENVIRONMENT, Link, patience
from codegen_jax.sandbox.verdict import HarnessError, Limits, Program

_KNOWN = (
  ("passed", 60.0, "assert sorted([2, 1]) == [1, 2]"),
  ("failed", 60.0, "raise ValueError('on purpose')"),
  ("timeout", 0.01, "while True: pass"),
)


def tell_right_from_wrong(links: Sequence[Link]) -> None:
  """Runs programs with known outcomes on every worker."""
  for expected, seconds, source in _KNOWN:
    limits = Limits(cpu_seconds=seconds, wall_seconds=120)
    for link in links:
      link.give(Program(source), limits)
    for link in links:
      got = link.take(patience(limits))
      if got["outcome"] != expected:
        raise HarnessError(
          f"the sandbox calls {source!r} {got['outcome']} ({got['detail']}), which is {expected}"
        )


class Bait:
  """What a program must not reach: a file, a folder, a server, this process."""

  def __init__(self, folder: pathlib.Path, port: int):
    self._folder, self._port = folder, port

  def keep_in(self, link: Link) -> None:
    """Raises unless all that a program tries from within this worker fails."""
    source = _ESCAPES.format(
      folder=str(self._folder),
      port=self._port,
      pid=os.getpid(),
      environment=sorted({*ENVIRONMENT, "HOME", "TMPDIR", "LC_CTYPE"}),
      seccomp=link.seccomp,
    )
    limits = Limits(cpu_seconds=60, wall_seconds=120)
    got = link.run(Program(source, postlude="value = program['found']"), limits)
    if got["outcome"] != "passed" or got["value"] != "[]":
      raise HarnessError(
        f"the sandbox does not keep programs in: {got['value'] or got['detail']}; "
        "no program was run"
      )
    if (self._folder / "written").exists():
      raise HarnessError("the sandbox lets programs write outside of it; no program was run")


@contextlib.contextmanager
def bait() -> Iterator[Bait]:
  folder = pathlib.Path(tempfile.mkdtemp(prefix="bait-"))
  try:
    folder.chmod(0o777)
    (folder / "secret").write_text("a secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
      yield Bait(folder, server.getsockname()[1])
  finally:
    shutil.rmtree(folder)


_ESCAPES = """
import os, socket
found = []
def attempt(what, act):
  try:
    act()
  except OSError:
    return
  found.append(what)
def connect():
  socket.socket(socket.AF_INET, socket.SOCK_STREAM).connect(("127.0.0.1", {port}))
for place in ({folder!r}, "/", "/usr", os.path.dirname(os.__file__)):
  attempt("write to " + place, lambda: open(place + "/written", "x").close())
for place in ({folder!r} + "/secret", "/etc/shadow", "/proc/1/environ"):
  attempt("read " + place, lambda: open(place).read())
attempt("connect to a server", connect)
attempt("see its parent", lambda: os.kill({pid}, 0))
others = {{int(name) for name in os.listdir("/proc") if name.isdigit()}} - {{1, os.getpid()}}
if others:
  found.append("see processes " + str(others))
if set(os.environ) - set({environment!r}):
  found.append("see the environment")
with open("/proc/self/status") as file:
  status = dict(line.split(":", 1) for line in file)
if int(status["CapEff"], 16) or int(status["CapPrm"], 16):
  found.append("have capabilities")
if 0 in map(int, status["Uid"].split() + status["Gid"].split()):
  found.append("be root")
if {seccomp} and status["Seccomp"].strip() != "2":
  found.append("call what is to be refused")
"""
