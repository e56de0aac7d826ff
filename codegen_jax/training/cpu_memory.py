"""Keeps a CPU's memory from one step to the next."""

import ctypes

import jax

# Of glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4


def keep() -> None:
  """What a step frees stays with this process.  Call it before anything asks JAX for a device.

  Otherwise malloc gives large arrays back to the kernel, which hands them out anew, zeroed and page
  by page, in the next step: a quarter of a small step.  Accelerators have their own memory, so
  where there is one nothing is done.
  """
  # Threads other than the one that called have heaps of their own, which are never large enough.
  jax.config.update("jax_cpu_enable_async_dispatch", False)
  libc = ctypes.CDLL(None)
  if jax.default_backend() == "cpu" and hasattr(libc, "mallopt"):
    libc.mallopt(M_MMAP_MAX, 0)
    libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
