"""The files of benchmarks: named, looked for in one folder, known by their SHA-256."""

import dataclasses
import hashlib
import json
import os
import pathlib
from typing import Any

from codegen_jax.data import jsonl
from codegen_jax.errors import InputError

VARIABLE = "CODEGEN_JAX_BENCHMARKS"


@dataclasses.dataclass(frozen=True)
class DataFile:
  """One file of a benchmark.

  Attributes:
    path: below the folder that $CODEGEN_JAX_BENCHMARKS names.
    sha256: of the published file; another one is read too, and its own hash is reported.
    source: where one gets it.
  """

  path: str
  sha256: str
  source: str

  def find(self) -> pathlib.Path:
    """Where it is.

    Raises:
      InputError: it is not there.
    """
    folder = os.environ.get(VARIABLE)
    if not folder:
      raise InputError(
        f"{self.path} is needed and {VARIABLE} is not set; get the file from {self.source} and set"
        f" {VARIABLE} to the folder that holds {self.path}"
      )
    path = pathlib.Path(folder).expanduser() / self.path
    if not path.is_file():
      raise InputError(f"there is no {path}; get it from {self.source}")
    return path


def digest(path: pathlib.Path) -> str:
  """SHA-256 of a file."""
  return hashlib.sha256(path.read_bytes()).hexdigest()


def read_jsonl(path: pathlib.Path) -> list[dict[str, Any]]:
  """Every line of a file, packed by gzip or not.

  Raises:
    InputError: it is not what its name says.
  """
  try:
    return [json.loads(line) for line in jsonl.lines(path) if line.strip()]
  except ValueError as error:
    raise InputError(f"{path} cannot be read ({error}); get it anew") from error
