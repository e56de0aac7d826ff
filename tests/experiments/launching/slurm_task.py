"""What a test of Slurm starts in place of a run: joins the others, and says as which process."""

import os
import pathlib
import sys

from codegen_jax import distributed
from codegen_jax import main as codegen_jax


def main() -> None:
  distributed.initialize()
  import jax

  runs = next(word for word in sys.argv if word.startswith("--runs=")).partition("=")[2]
  told = f"{jax.process_index()} of {jax.process_count()}, {os.environ['HARD']}"
  pathlib.Path(runs, f"told_{jax.process_index()}").write_text(told)


if __name__ == "__main__":
  codegen_jax.exit_with_sentences(main, "slurm_task")
