"""What a test of Slurm starts in place of a run: joins the others, and ends as it is told."""

import os
import pathlib
import sys

from codegen_jax import distributed
from codegen_jax import main as codegen_jax
from codegen_jax.errors import InputError, Preempted


def main() -> None:
  distributed.initialize()
  import jax

  runs = next(word for word in sys.argv if word.startswith("--runs=")).partition("=")[2]
  told = f"{jax.process_index()} of {jax.process_count()}, {os.environ['HARD']}"
  pathlib.Path(runs, f"{os.environ['CODE']}_{jax.process_index()}").write_text(told)
  distributed.meet("wrote")
  match os.environ["CODE"]:
    case "75":
      raise Preempted(5)
    case "2":
      raise InputError("no such corpus here")


if __name__ == "__main__":
  codegen_jax.exit_with_sentences(main, "slurm_task")
