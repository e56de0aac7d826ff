"""A worker has nothing but the standard library, and is quick to start."""

import subprocess
import sys

from codegen_jax.sandbox import link


def test_a_worker_needs_nothing_that_is_installed():
  start = link._START.replace("worker.main()", "print(*sorted(sys.modules))")
  command = [link._python(), "-P", "-s", "-S", "-c", start]
  said = subprocess.run(command, env=link.ENVIRONMENT, cwd="/", capture_output=True, check=True)
  modules = {name.partition(".")[0] for name in said.stdout.decode().split()}
  assert modules <= {*sys.stdlib_module_names, "__main__", "codegen_jax"}
  # Each of these would make starting a worker slower by half.
  assert not modules & {"dataclasses", "inspect", "pathlib", "secrets", "socket", "tempfile"}
