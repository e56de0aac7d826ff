"""The calls to Linux that Python has no function for, each raising OSError with its own name."""

import ctypes
import os
import platform

# unshare
CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
# mount
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
MNT_DETACH = 2
# mount_setattr
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV, ATTR_NOEXEC = 1, 2, 4, 8
_AT_FDCWD, _AT_RECURSIVE, _MOUNT_SETATTR = -100, 0x8000, 442
# prctl
_PDEATHSIG, _DUMPABLE, _SECCOMP, _CAPBSET_DROP, _SUBREAPER, _NO_NEW_PRIVS = 1, 4, 22, 24, 36, 38
_FILTER = 2

_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
  if result != 0:
    number = ctypes.get_errno()
    raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
  _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
  done = _libc.mount(
    source.encode(),
    target.encode(),
    kind.encode() if kind else None,
    ctypes.c_ulong(flags),
    options.encode() or None,
  )
  _check(done, f"mount {target}")


def unmount(target: str) -> None:
  """Takes it out of sight at once; it is gone when nobody uses it any more."""
  _check(_libc.umount2(target.encode(), MNT_DETACH), f"unmount {target}")


def set_mount(target: str, attributes: int, *, recursive: bool = False) -> None:
  """Adds attributes to a mount, and to those below it."""
  # struct mount_attr: set, clear, propagation, user namespace
  wanted = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)
  flags = _AT_RECURSIVE if recursive else 0
  done = _libc.syscall(
    ctypes.c_long(_MOUNT_SETATTR),
    ctypes.c_int(_AT_FDCWD),
    target.encode(),
    ctypes.c_uint(flags),
    ctypes.byref(wanted),
    ctypes.c_size_t(32),
  )
  _check(done, f"mount_setattr {target}")


def pivot_root(new: str, old: str) -> None:
  number = _PIVOT_ROOT[platform.machine()]
  _check(_libc.syscall(ctypes.c_long(number), new.encode(), old.encode()), "pivot_root")


def _prctl(option: int, *arguments: int) -> int:
  padded = (*arguments, 0, 0, 0, 0)[:4]
  return _libc.prctl(ctypes.c_int(option), *(ctypes.c_ulong(a) for a in padded))


def die_with_parent() -> None:
  """SIGKILL when the parent's thread that started this process ends.

  A process that changes who it is must ask again.
  """
  _check(_prctl(_PDEATHSIG, 9), "prctl(PR_SET_PDEATHSIG)")


def adopt_orphans() -> None:
  _check(_prctl(_SUBREAPER, 1), "prctl(PR_SET_CHILD_SUBREAPER)")


def hide_from_peers() -> None:
  """Neither traced nor dumped, and its /proc closed to processes of the same user."""
  _check(_prctl(_DUMPABLE, 0), "prctl(PR_SET_DUMPABLE)")


def no_new_privileges() -> None:
  _check(_prctl(_NO_NEW_PRIVS, 1), "prctl(PR_SET_NO_NEW_PRIVS)")


def bound_capabilities() -> None:
  """No program that is executed from here on gains a capability."""
  for capability in range(64):
    if _prctl(_CAPBSET_DROP, capability) != 0:
      break  # the kernel knows no more


def drop_capabilities() -> None:
  header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
  nothing = (ctypes.c_uint32 * 6)()
  _check(_libc.capset(ctypes.byref(header), ctypes.byref(nothing)), "capset")


class _Filter(ctypes.Structure):
  _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def filter_calls(program: bytes) -> None:
  """Installs BPF instructions of eight bytes each, for good; no_new_privileges comes first."""
  filtered = _Filter(len(program) // 8, program)
  _check(_prctl(_SECCOMP, _FILTER, ctypes.addressof(filtered)), "prctl(PR_SET_SECCOMP)")
