"""The calls to the kernel that no program needs for its tests, refused by a filter.

What is in the list either leads out of a sandbox, keeps something beyond the end of a process, or
is a part of the kernel in which holes were found.  Everything else is allowed.
"""

import errno
import os
import struct
import sys

from codegen_jax.sandbox import linux

# name: (x86_64, aarch64); None where the machine has no such call
DENIED: dict[str, tuple[int | None, int | None]] = {
  # namespaces and mounts; not mount and umount2, for which a program lacks the capability, and
  # which the worker needs
  "unshare": (272, 97),
  "setns": (308, 268),
  "pivot_root": (155, 41),
  "chroot": (161, 51),
  "open_tree": (428, 428),
  "move_mount": (429, 429),
  "fsopen": (430, 430),
  "fsconfig": (431, 431),
  "fsmount": (432, 432),
  "fspick": (433, 433),
  "mount_setattr": (442, 442),
  "open_tree_attr": (467, 467),
  "name_to_handle_at": (303, 264),
  "open_by_handle_at": (304, 265),
  # other processes
  "ptrace": (101, 117),
  "process_vm_readv": (310, 270),
  "process_vm_writev": (311, 271),
  "process_madvise": (440, 440),
  "kcmp": (312, 272),
  "pidfd_getfd": (438, 438),
  "setpriority": (141, 140),
  "ioprio_set": (251, 30),
  "sched_setparam": (142, 118),
  "sched_setscheduler": (144, 119),
  "sched_setaffinity": (203, 122),
  "sched_setattr": (314, 274),
  "migrate_pages": (256, 238),
  "move_pages": (279, 239),
  # what outlives a process, or counts towards no limit
  "add_key": (248, 217),
  "request_key": (249, 218),
  "keyctl": (250, 219),
  "shmget": (29, 194),
  "shmctl": (31, 195),
  "shmat": (30, 196),
  "semget": (64, 190),
  "semctl": (66, 191),
  "semop": (65, 193),
  "semtimedop": (220, 192),
  "msgget": (68, 186),
  "mq_open": (240, 180),
  "memfd_create": (319, 279),
  "memfd_secret": (447, 447),
  # the machine
  "kexec_load": (246, 104),
  "kexec_file_load": (320, 294),
  "init_module": (175, 105),
  "finit_module": (313, 273),
  "delete_module": (176, 106),
  "reboot": (169, 142),
  "swapon": (167, 224),
  "swapoff": (168, 225),
  "acct": (163, 89),
  "quotactl": (179, 60),
  "quotactl_fd": (443, 443),
  "syslog": (103, 116),
  "settimeofday": (164, 170),
  "adjtimex": (159, 171),
  "clock_settime": (227, 112),
  "clock_adjtime": (305, 266),
  "sethostname": (170, 161),
  "setdomainname": (171, 162),
  "vhangup": (153, 58),
  "iopl": (172, None),
  "ioperm": (173, None),
  "modify_ldt": (154, None),
  "uselib": (134, None),
  "personality": (135, 92),
  "lookup_dcookie": (212, 18),
  "fanotify_init": (300, 262),
  # where holes are found
  "bpf": (321, 280),
  "perf_event_open": (298, 241),
  "userfaultfd": (323, 282),
  "io_uring_setup": (425, 425),
  "io_uring_enter": (426, 426),
  "io_uring_register": (427, 427),
}

_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH
_CLONE, _CLONE3, _SOCKET, _PRLIMIT = (56, 220), 435, (41, 198), (302, 261)
_NAMESPACES = 0x7E020000  # all CLONE_NEW flags that clone takes
_X32 = 0x40000000
_AF_UNIX = 1

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _MACHINE, _FIRST = 0, 4, 16  # where in struct seccomp_data; arguments little-endian
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000


def install() -> bool:
  """Filters the calls of this process and of all that it starts; False where there is no list."""
  if sys.platform == "linux":
    linux.no_new_privileges()
  machine = os.uname().machine
  if sys.platform != "linux" or machine not in _MACHINES:
    return False
  linux.filter_calls(program(machine))
  return True


def program(machine: str) -> bytes:
  """The filter for a machine, as instructions of the classic BPF."""
  column = list(_MACHINES).index(machine)

  def op(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("<HBBI", code, yes, no, value)

  def refuse(number: int, error: int = errno.EPERM) -> list[bytes]:
    return [op(_EQUAL, number, no=1), op(_RETURN, _ERROR | error)]

  def first_argument(number: int, test: bytes, refused: bytes) -> list[bytes]:
    """For one call: load its argument, test it, and either refuse or allow."""
    return [
      op(_EQUAL, number, no=4),
      op(_LOAD, _FIRST),
      test,
      refused,
      op(_RETURN, _ALLOW),
    ]

  no = op(_RETURN, _ERROR | errno.EPERM)
  lines = [op(_LOAD, _MACHINE), op(_EQUAL, _MACHINES[machine], yes=1), op(_RETURN, _KILL)]
  lines += [op(_LOAD, _NUMBER)]
  if machine == "x86_64":
    lines += [op(_AT_LEAST, _X32, no=1), op(_RETURN, _KILL)]
  lines += refuse(_CLONE3, errno.ENOSYS)  # its flags are in memory; libraries then use clone
  lines += first_argument(_CLONE[column], op(_ANY_BIT, _NAMESPACES, no=1), no)
  # The network, of whatever kind; also where there is no namespace to keep it out.
  lines += first_argument(_SOCKET[column], op(_EQUAL, _AF_UNIX, yes=1), no)
  lines += first_argument(_PRLIMIT[column], op(_EQUAL, 0, yes=1), no)  # another's limits
  for numbers in DENIED.values():
    number = numbers[column]
    if number is not None:
      lines += refuse(number)
  return b"".join([*lines, op(_RETURN, _ALLOW)])
