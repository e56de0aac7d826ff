"""The command line, which also writes down the rows of the data that this process asked for."""

import json
import os
import pathlib

from codegen_jax import main
from codegen_jax.data import pipeline

if __name__ == "__main__":
  asked: set[int] = set()
  inspect = pipeline.Reader.inspect

  def recorded(reader: pipeline.Reader, index: int) -> pipeline.Row:
    asked.add(index)
    return inspect(reader, index)

  pipeline.Reader.inspect = recorded
  try:
    main.run()
  finally:
    pathlib.Path(os.environ["ROWS_ASKED_FOR"]).write_text(json.dumps(sorted(asked)))
