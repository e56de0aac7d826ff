"""Keeps a CPU's memory from one step to the next."""

import ctypes

import jax

# Of glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
# Of a larger network a step's memory is gigabytes, and XLA sometimes frees it only after the next
# step has begun: what is kept would then be kept twice, for a twelfth of the time.
MOST_PARAMS = 32_000_000


def keep(num_params: int) -> None:
  """What a step of a small network frees stays with this process.

  Otherwise malloc gives large arrays back to the kernel, which hands them out anew, zeroed and page
  by page, in the next step: a quarter of the demo's.  Call it before anything asks JAX for a
  device.  Accelerators have their own memory, so where there is one nothing is done.
  """
  if num_params > MOST_PARAMS:
    return
  # Threads other than the one that calls have heaps of their own, which are never large enough.
  jax.config.update("jax_cpu_enable_async_dispatch", False)
  libc = ctypes.CDLL(None)
  if jax.default_backend() == "cpu" and hasattr(libc, "mallopt"):
    libc.mallopt(M_MMAP_MAX, 0)
    libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
