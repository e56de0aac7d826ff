"""A step that needs much memory asks the kernel for it once."""

import subprocess
import sys

import pytest

# 64 MiB that a program makes and frees, in a process whose JAX has not begun.
PROGRAM = """
import resource, jax, jax.numpy as jnp
from codegen_jax.training import cpu_memory
if {keep}:
  cpu_memory.keep()
step = jax.jit(lambda x: x + 1)
x = jnp.ones(1 << 24)
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
counts = [faults()]
for _ in range(8):
  step(x).block_until_ready()
  counts.append(faults())
print(min(after - before for before, after in zip(counts, counts[1:])))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's malloc")
def test_a_step_uses_the_memory_of_the_last_one():
  def faults(keep: bool) -> int:
    command = [sys.executable, "-c", PROGRAM.format(keep=keep)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)

  assert faults(keep=False) > 10_000
  assert faults(keep=True) < 500
