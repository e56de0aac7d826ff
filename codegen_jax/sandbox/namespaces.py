"""A worker's own small machine: users, mounts, processes, network and IPC apart from all others.

program          uid nobody, no capability, a filter of calls, one empty folder to write in
worker           pid 1 of the namespaces; mounts and kills
worker's parent  waits, so that the worker ends when it ends
"""

from collections.abc import Iterable
import os
import signal
import stat

from codegen_jax.sandbox import linux, processes

NOBODY = 65534
HOME = "/program"

_LIBRARIES = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_FILES = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime")
_DEVICES = ("null", "zero", "full", "random", "urandom")
_LINKS = {
  "fd": "/proc/self/fd",
  "stdin": "/proc/self/fd/0",
  "stdout": "/proc/self/fd/1",
  "stderr": "/proc/self/fd/2",
  "shm": HOME,
}


class Namespaces:
  """Programs run one after the other as children of this process, which is pid 1."""

  def __init__(self, disk: int, changes_user: bool):
    self._options = f"size={disk},nr_inodes=4096,mode=1777"
    self._changes_user = changes_user
    self._mount_home()

  def home(self) -> str:
    # A new mount takes longer than all else, so it is made only if something is not as it was.
    if self._look() != self._empty:
      linux.unmount(HOME)
      self._mount_home()
    return HOME

  def become_program(self) -> None:
    if self._changes_user:
      os.setresgid(NOBODY, NOBODY, NOBODY)
      os.setresuid(NOBODY, NOBODY, NOBODY)  # which takes all capabilities
    else:
      linux.drop_capabilities()

  def running(self) -> list[processes.Use]:
    return [processes.use(pid) for pid in processes.everyone() if pid != 1]

  def end(self) -> list[processes.Ended]:
    """Kills all that runs but this process: no orphan can hide from that."""
    ended = []
    try:
      while True:
        os.kill(-1, signal.SIGKILL)
        ended.append(processes.wait(-1))
    except (ProcessLookupError, ChildProcessError):
      return ended

  def leave(self) -> None:
    """Nothing is left to remove: the mounts end with the last process."""

  def _mount_home(self) -> None:
    linux.mount("tmpfs", HOME, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, self._options)
    os.utime(HOME, ns=(0, 0))
    self._empty = self._look()

  def _look(self) -> tuple:
    now = os.stat(HOME)
    return now.st_mode, now.st_uid, now.st_mtime_ns, os.listdir(HOME), os.listxattr(HOME)


def enter(visible: Iterable[str], disk: int) -> Namespaces:
  """Returns in another process, which has been separated; raises OSError where that cannot be.

  Beside the system's programs and libraries only `visible` folders are there, read-only.
  """
  changes_user = os.geteuid() == 0
  if changes_user:
    os.setgroups([])
  _unshare(changes_user)
  linux.die_with_parent()
  child = os.fork()
  if child:
    status = os.waitpid(child, 0)[1]
    os._exit(0 if status == 0 else 1)
  linux.die_with_parent()
  # From within, only signals with a handler reach pid 1.
  signal.signal(signal.SIGINT, signal.SIG_DFL)
  linux.hide_from_peers()
  _mount_tree(visible)
  linux.bound_capabilities()
  return Namespaces(disk, changes_user)


def _unshare(changes_user: bool) -> None:
  flags = linux.CLONE_NEWUSER | linux.CLONE_NEWNS | linux.CLONE_NEWPID | linux.CLONE_NEWNET
  flags |= linux.CLONE_NEWIPC | linux.CLONE_NEWUTS | linux.CLONE_NEWCGROUP
  uid, gid = os.geteuid(), os.getegid()
  if not changes_user:
    linux.unshare(flags)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{NOBODY} {uid} 1")
    _write("/proc/self/gid_map", f"{NOBODY} {gid} 1")
    return
  # Root's own files must not be the program's, so two users are mapped: root makes the mounts,
  # nobody runs programs.  Only a process that stayed outside may map more than itself.
  go, gone = os.pipe()
  me, helper = os.getpid(), os.fork()
  if helper == 0:
    try:
      os.close(gone)
      os.read(go, 1)
      for which in ("gid_map", "uid_map"):
        _write(f"/proc/{me}/{which}", f"0 0 1\n{NOBODY} {NOBODY} 1\n")
      os._exit(0)
    except BaseException:
      os._exit(1)
  os.close(go)
  try:
    linux.unshare(flags)
  finally:
    os.close(gone)
    status = os.waitpid(helper, 0)[1]
  if status != 0:
    raise PermissionError("users cannot be mapped")


def _write(file: str, text: str) -> None:
  to = os.open(file, os.O_WRONLY)
  try:
    os.write(to, text.encode())
  finally:
    os.close(to)


def _mount_tree(visible: Iterable[str]) -> None:
  """Replaces the root by one that holds what a program needs to see, and nothing else."""
  wanted = [os.path.abspath(path) for path in visible]
  wanted += [os.path.realpath(path) for path in wanted]
  wanted = [*_LIBRARIES, *_FILES, *sorted({*wanted}, key=len)]
  sources = {path: os.path.realpath(path) for path in wanted if os.path.exists(path)}
  links = {path: os.readlink(path) for path in _LIBRARIES if os.path.islink(path)}

  linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
  linux.mount("tmpfs", "/tmp", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=755")
  os.chdir("/tmp")
  os.mkdir("old")
  os.mkdir("new")
  linux.mount("tmpfs", "new", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=755")
  linux.pivot_root(".", "old")
  os.chdir("/new")
  mounted: list[str] = []
  for path, source in sources.items():
    if path in links:
      os.symlink(links[path], path[1:])
    elif not any(path == above or path.startswith(f"{above}/") for above in mounted):
      attributes = linux.ATTR_RDONLY | linux.ATTR_NOSUID | linux.ATTR_NODEV
      _bind(f"/old{source}", path[1:], attributes)
      mounted.append(path)
  for name in _DEVICES:
    _bind(f"/old/dev/{name}", f"dev/{name}", linux.ATTR_NOSUID | linux.ATTR_NOEXEC)
  for name, target in _LINKS.items():
    os.symlink(target, f"dev/{name}")
  for folder in ("proc", HOME[1:]):
    os.makedirs(folder, exist_ok=True)
  if not os.path.exists("tmp"):  # nothing visible lies below it
    os.symlink(HOME, "tmp")
  linux.mount("proc", "proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
  linux.pivot_root(".", ".")  # onto itself: the old root, on top now, is then taken away
  linux.unmount(".")
  os.chdir("/")
  linux.set_mount("/", linux.ATTR_RDONLY | linux.ATTR_NOSUID | linux.ATTR_NODEV)


def _bind(source: str, target: str, attributes: int) -> None:
  if stat.S_ISDIR(os.stat(source).st_mode):
    os.makedirs(target, exist_ok=True)
  else:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
  linux.mount(source, target, None, linux.MS_BIND | linux.MS_REC)
  linux.set_mount(target, attributes, recursive=True)
