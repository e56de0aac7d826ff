"""A step that needs much memory asks the kernel for it once."""

import subprocess
import sys

import pytest

# 64 MiB that a program needs and frees, in a process whose JAX has not begun.
PROGRAM = """
import resource, jax, jax.numpy as jnp
from codegen_jax.training import cpu_memory
if {keep}:
  cpu_memory.keep()
step = jax.jit(lambda x: jnp.sum(x @ x.T))
x = jnp.ones((4096, 64))
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
  before = faults()
  step(x).block_until_ready()
print(faults() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's malloc")
def test_a_step_uses_the_memory_of_the_last_one():
  def faults(keep: bool) -> int:
    command = [sys.executable, "-c", PROGRAM.format(keep=keep)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)

  assert faults(keep=False) > 10_000
  assert faults(keep=True) < 500
