"""What is left where no namespace can be made: limits, a folder of its own, no way to the network.

A program may then read what the user may read, write where the user may write, and signal the
user's processes.
"""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time

from codegen_jax.sandbox import linux, processes


class Weak:
  """Programs run one after the other as children of this process."""

  def __init__(self) -> None:
    if sys.platform == "linux":
      linux.adopt_orphans()
      linux.die_with_parent()
      linux.hide_from_peers()
    self._home = tempfile.mkdtemp(prefix="program-")

  def home(self) -> str:
    self.leave()
    os.mkdir(self._home, 0o700)
    return self._home

  def leave(self) -> None:
    """Removes the folder, whatever a program has made of it."""
    with contextlib.suppress(OSError):
      os.chmod(self._home, 0o700)
    if os.path.islink(self._home) or os.path.isfile(self._home):
      os.unlink(self._home)
    shutil.rmtree(self._home, onerror=_open_and_retry)

  def become_program(self) -> None:
    if sys.platform == "linux":
      linux.die_with_parent()

  def running(self) -> list[processes.Use]:
    return [processes.use(pid) for pid in processes.descendants(os.getpid())]

  def end(self) -> list[processes.Ended]:
    """Kills what this process started or adopted.  Never kill(-1): here that is everyone's."""
    ended: list[processes.Ended] = []
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
      for pid in processes.descendants(os.getpid()):
        with contextlib.suppress(ProcessLookupError):
          os.kill(pid, signal.SIGKILL)
      try:
        one = processes.wait(-1, os.WNOHANG)
      except ChildProcessError:
        return ended
      if one.pid:
        ended.append(one)
      else:
        time.sleep(0.001)
    raise TimeoutError("processes of a program cannot be killed")


def _open_and_retry(function, path, _) -> None:
  with contextlib.suppress(OSError):
    os.chmod(os.path.dirname(path), 0o700)
    os.chmod(path, 0o700)
    function(path)
