"""A step that needs much memory asks the kernel for it once."""

import subprocess
import sys

import pytest

from codegen_jax.training import cpu_memory

# 64 MiB that a program makes and frees, in a process whose JAX has not begun.
PROGRAM = """
import resource, jax, jax.numpy as jnp
from codegen_jax.training import cpu_memory
cpu_memory.keep({num_params})
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
def test_a_step_of_a_small_network_uses_the_memory_of_the_last_one():
  def faults(num_params: int) -> int:
    command = [sys.executable, "-c", PROGRAM.format(num_params=num_params)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)

  assert faults(cpu_memory.MOST_PARAMS) < 500
  assert faults(cpu_memory.MOST_PARAMS + 1) > 10_000
