"""The filter of calls, run instruction by instruction for machines that are not here too."""

import errno
import struct

import pytest

from codegen_jax.sandbox import seccomp

ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x50000 | errno.EPERM
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def says(machine: str, number: int, argument: int = 0, *, arch: int | None = None) -> int:
  """What the filter for a machine returns for a call: a few lines of what the kernel does."""
  data = struct.pack("<IIQ6Q", number, arch or MACHINES[machine], 0, argument, *[0] * 5)
  lines = list(struct.iter_unpack("<HBBI", seccomp.program(machine)))
  at = held = 0
  while True:
    code, yes, no, value = lines[at]
    at += 1
    if code == 0x20:
      held = struct.unpack_from("<I", data, value)[0]
    elif code == 0x06:
      return value
    else:
      at += yes if {0x15: held == value, 0x35: held >= value, 0x45: held & value}[code] else no


@pytest.mark.parametrize("column, machine", enumerate(MACHINES))
def test_what_is_in_the_list_is_refused(column, machine):
  for name, numbers in seccomp.DENIED.items():
    if numbers[column] is not None:
      assert says(machine, numbers[column]) == REFUSE, name


# read, write, openat, mmap, futex, exit_group, execve, wait4, getpid, socketpair, connect
ALLOWED = {
  "x86_64": (0, 1, 257, 9, 202, 231, 59, 61, 39, 53, 42),
  "aarch64": (63, 64, 56, 222, 98, 94, 221, 260, 172, 199, 203),
}


@pytest.mark.parametrize("machine", MACHINES)
def test_everything_else_is_allowed(machine):
  for number in ALLOWED[machine]:
    assert says(machine, number, argument=0xFFFFFFFF) == ALLOW, number


@pytest.mark.parametrize("machine, clone", [("x86_64", 56), ("aarch64", 220)])
def test_a_process_may_be_made_but_no_namespace(machine, clone):
  assert says(machine, clone, 17) == says(machine, clone, 0x3D0F00) == ALLOW  # fork, a thread
  for flag in (0x20000, *(1 << bit for bit in range(25, 31))):
    assert says(machine, clone, flag | 17) == REFUSE
  assert says(machine, 435) == 0x50000 | errno.ENOSYS


@pytest.mark.parametrize("machine, socket", [("x86_64", 41), ("aarch64", 198)])
def test_of_sockets_only_those_within_a_machine(machine, socket):
  assert says(machine, socket, 1) == ALLOW
  for family in (0, 2, 10, 16, 17, 38, 40):
    assert says(machine, socket, family) == REFUSE


@pytest.mark.parametrize("machine, prlimit", [("x86_64", 302), ("aarch64", 261)])
def test_limits_of_no_other_process(machine, prlimit):
  assert says(machine, prlimit, 0) == ALLOW
  assert says(machine, prlimit, 1) == REFUSE


def test_another_machines_calls_end_the_program():
  assert says("x86_64", 1, arch=0x40000003) == says("aarch64", 64, arch=0x40000028) == KILL
  assert says("x86_64", 0x40000001) == KILL


def test_no_number_stands_twice():
  for column in range(2):
    numbers = [n[column] for n in seccomp.DENIED.values() if n[column] is not None]
    assert len(numbers) == len({*numbers})
