"""What an experiment is: a question, the arms that answer it, and what they are measured on."""

from collections.abc import Mapping
import dataclasses
import importlib
import pathlib

from codegen_jax import did_you_mean
from codegen_jax.errors import InputError

ROOT = pathlib.Path(__file__).resolve().parents[1]


@dataclasses.dataclass(frozen=True)
class Arm:
  """One way to train.  All else of an arm stands in its gin file."""

  gin_file: str  # from the checkout's root
  description: str


@dataclasses.dataclass(frozen=True)
class Metric:
  """Held-out bits per byte on one mixture (a member of HELD_OUT in the arms' gin files)."""

  mixture: str
  description: str
  better: str = "lower"


@dataclasses.dataclass(frozen=True)
class Experiment:
  """A question to which every arm gives its answer under the same budget.

  Attributes:
    question: as a researcher would ask it.
    source: the paper and the lesson.
    paper_finding: what the paper reports, in words where its numbers are not known here.
    paper_certainty: where that was read.
    arms: by name; the order is the report's.
    metrics: by name; the first one leads the report.
    comparisons: (arm, baseline) pairs, measured on the same documents.
    method: how it is measured and why that is fair, a sentence each.
    caveats: what the result does not say.
  """

  question: str
  source: str
  paper_finding: str
  paper_certainty: str
  arms: Mapping[str, Arm]
  metrics: Mapping[str, Metric]
  comparisons: tuple[tuple[str, str], ...]
  method: tuple[str, ...]
  caveats: tuple[str, ...]
  seeds: int = 2


def names() -> list[str]:
  """Every file of this folder that asks a question."""
  files = pathlib.Path(__file__).parent.glob("*.py")
  return sorted(file.stem for file in files if "\nEXPERIMENT = " in file.read_text())


def load(name: str) -> Experiment:
  _known("experiment", name, names())
  return importlib.import_module(f"experiments.{name}").EXPERIMENT


def scale_file(scale: str) -> str:
  """The gin file that is laid over every arm."""
  _known(
    "scale", scale, sorted(file.stem for file in (ROOT / "gin_configs" / "scales").glob("*.gin"))
  )
  return f"gin_configs/scales/{scale}.gin"


def _known(what: str, name: str, known: list[str]) -> None:
  if name not in known:
    near = did_you_mean.suggestion(name, known, form="'{}'")
    raise InputError(f"there is no {what} {name!r}{near}")
