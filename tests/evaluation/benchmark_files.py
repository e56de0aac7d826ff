"""Where the published files of benchmarks lie, for tests that read them."""

import os
import pathlib

import pytest

from codegen_jax.evaluation import data_files
from codegen_jax.evaluation.boolq import FILE as BOOLQ
from codegen_jax.evaluation.humaneval_infilling import FILES as INFILLING
from codegen_jax.evaluation.lambada import FILE as LAMBADA
from codegen_jax.evaluation.piqa import LABELS, QUESTIONS

BESIDE = pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "data"
FILES = {
  "lambada_openai": (LAMBADA,),
  "piqa": (QUESTIONS, LABELS),
  "boolq": (BOOLQ,),
  **{f"humaneval_infilling_{kind}": (file,) for kind, file in INFILLING.items()},
}


def folder() -> pathlib.Path:
  """Where such files lie, if they are at hand."""
  return pathlib.Path(os.environ.get(data_files.VARIABLE, BESIDE))


def needs(*names: str) -> pathlib.Path:
  """The folder that holds the files of these benchmarks; skips the test where one is missing."""
  where = folder()
  for file in (file for name in names for file in FILES[name]):
    if not (where / file.path).is_file():
      pytest.skip(
        f"{where / file.path}, no part of the repository, is not at hand; {data_files.VARIABLE}"
        " names its folder"
      )
  return where
