"""A process of Beam's own, silent unless something fails: `python -m codegen_jax.prepare.worker`.

Beam starts such processes without the options of its pipeline, the level of logs among them.
"""

import logging
import sys


def main() -> None:
  logging.disable(logging.WARNING)
  from apache_beam.runners.worker import sdk_worker_main

  sdk_worker_main.main(sys.argv)


if __name__ == "__main__":
  main()
