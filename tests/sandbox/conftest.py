"""One sandbox for all tests of what programs may do: little CPU time, much patience."""

from collections.abc import Callable, Iterator
import dataclasses

import pytest

from codegen_jax.sandbox.pool import Limits, Program, Sandbox
from codegen_jax.sandbox.verdict import MiB, Verdict

LIMITS = Limits(
  cpu_seconds=0.5,
  wall_seconds=120,  # no verdict depends on how busy the machine is
  memory=256 * MiB,
  disk=8 * MiB,
  file=4 * MiB,
  output=1000,
)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
  with Sandbox(limits=LIMITS, workers=1) as kept:
    assert kept.level == "namespaces" and kept.seccomp
    yield kept


@pytest.fixture(scope="session")
def patient_sandbox() -> Iterator[Sandbox]:
  with Sandbox(limits=dataclasses.replace(LIMITS, cpu_seconds=60), workers=1) as kept:
    yield kept


@pytest.fixture
def run(sandbox) -> Callable[..., Verdict]:
  """Runs one program; keywords are its prelude and postlude."""
  return _runs_in(sandbox)


@pytest.fixture
def run_patiently(patient_sandbox) -> Callable[..., Verdict]:
  """The same, for what runs out before time does: on a slow machine 256 MiB take a second."""
  return _runs_in(patient_sandbox)


def _runs_in(sandbox: Sandbox) -> Callable[..., Verdict]:
  def run_one(source: str, **around: str) -> Verdict:
    return sandbox.run([Program(source, **around)])[0]

  return run_one
