"""One of the processes that share the heavy stages on this machine: Beam's own, but silent.

python -m codegen_jax.prepare.worker
"""

import logging
import os
import pathlib
import sys


def main() -> None:
  logging.disable(logging.CRITICAL)  # what is missing for clouds, and that it has begun
  from apache_beam.runners.worker import sdk_worker_main

  # Beam prints the traceback of what fails, and sends it to the runner, which tells it.
  with pathlib.Path(os.devnull).open("w") as sys.stderr:
    sdk_worker_main.main(sys.argv)


if __name__ == "__main__":
  main()
