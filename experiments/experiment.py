"""What an experiment is: a question, arms that answer it, measurements, the paper's findings."""

from collections.abc import Iterator, Mapping
import dataclasses
import importlib
import pathlib
from typing import Literal

from codegen_jax import did_you_mean
from codegen_jax.errors import InputError

ROOT = pathlib.Path(__file__).resolve().parents[1]
SCALES = ROOT / "gin_configs" / "scales"
HIGHER = ("accuracy", "pass@1")  # what is better the higher it is
DIGEST = "read in a digest of the paper (a secondary source)"


@dataclasses.dataclass(frozen=True)
class Run:
  """One training.  All of it stands in its gin file, under the scale's.

  Attributes:
    gin_file: from the checkout's root.
    after: the run whose weights it begins with.
    budget: which file of a scale is laid over it: `demo_finetune.gin` for "finetune".
  """

  gin_file: str
  after: "Run | None" = None
  budget: str = ""


@dataclasses.dataclass(frozen=True)
class Arm:
  """One way to train.

  Attributes:
    run: what is compared.
    description: what is particular about it.
    tuned: runs that begin with its weights, by the names that metrics call them by.
    words: {"ANSWER": "hidden_answer"}: fills what a metric asks about, and for which value, where
      arms are asked differently; they may share their run.
  """

  run: Run
  description: str
  tuned: Mapping[str, str] = dataclasses.field(default_factory=dict)
  words: Mapping[str, str] = dataclasses.field(default_factory=dict)

  def runs(self) -> dict[str, Run]:
    """By name; "" is the arm's own."""
    budget = f"{self.run.budget}_finetune".lstrip("_")
    return {"": self.run} | {
      name: Run(gin_file, after=self.run, budget=budget) for name, gin_file in self.tuned.items()
    }


@dataclasses.dataclass(frozen=True)
class Metric:
  """A number of a run.

  Attributes:
    of: a mixture of HELD_OUT of the arms' gin files, or a benchmark.
    description: beginning with what it is a number of.
    value: "bits_per_byte", "accuracy", "pass@1", or "prompt_perplexity" of a benchmark; with
      "_solved" or "_unsolved" behind it, of those problems of which some, or no, sample passed.
    run: which of an arm's runs is measured.
    items: what it is a mean over.
    paired: whether arms are measured on the same items.
    arms: of these alone; () is all.
    scales: where it is measured; () is everywhere.
  """

  of: str
  description: str
  value: str = "bits_per_byte"
  run: str = ""
  items: str = "document"
  paired: bool = True
  arms: tuple[str, ...] = ()
  scales: tuple[str, ...] = ()

  @property
  def better(self) -> Literal["lower", "higher"]:
    return "higher" if self.value in HIGHER else "lower"


@dataclasses.dataclass(frozen=True)
class Finding:
  """What the paper reports, as a difference that can be measured.

  Attributes:
    statement: the paper's, in our words.
    certainty: where that was read.
    metric: by its name.
    arm: that the claim is about.
    baseline: that it is compared with.
    claim: the arm is "better" or "worse" than the baseline, the "same", or "not better".
    margin: the smallest difference that counts, in the metric's unit; declared before anything ran.
  """

  statement: str
  certainty: str
  metric: str
  arm: str
  baseline: str
  claim: Literal["better", "worse", "same", "not better"]
  margin: float


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
    comparisons: (arm, baseline) pairs, measured on the same items.
    findings: what is reproduced, or not; by rule (`verdicts`).
    lengths: why arms take different numbers of steps; without a reason they are refused.
    method: how it is measured and why that is fair, a sentence each.
    caveats: what the result does not say.
    seeds: of each arm.
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
  findings: tuple[Finding, ...] = ()
  seeds: int = 2
  lengths: str = ""

  def __post_init__(self):
    known = {*self.arms}
    for pair in (*self.comparisons, *((one.arm, one.baseline) for one in self.findings)):
      if strange := {*pair} - known:
        raise ValueError(f"{strange.pop()!r} of {pair} is no arm; arms are {', '.join(self.arms)}")
    for finding in self.findings:
      if finding.metric not in self.metrics:
        raise ValueError(f"there is no metric {finding.metric!r}; add it, or correct the finding")
      if (finding.arm, finding.baseline) not in self.comparisons:
        raise ValueError(f"{finding.arm} and {finding.baseline} are not compared; compare them")

  def measured(self, arm: str, scale: str) -> Iterator[tuple[str, Metric]]:
    """The metrics of an arm."""
    for name, metric in self.metrics.items():
      if (not metric.arms or arm in metric.arms) and (not metric.scales or scale in metric.scales):
        yield name, metric


def names() -> list[str]:
  """Every file of this folder that asks a question."""
  files = pathlib.Path(__file__).parent.glob("*.py")
  return sorted(file.stem for file in files if "\nEXPERIMENT = " in file.read_text())


def load(name: str) -> Experiment:
  _known("experiment", name, names())
  return importlib.import_module(f"experiments.{name}").EXPERIMENT


def scales() -> list[str]:
  """By name; a file with an underscore is one of a scale's budgets."""
  return sorted(file.stem for file in SCALES.glob("*.gin") if "_" not in file.stem)


def scale_file(scale: str, budget: str = "") -> str:
  """The gin file that is laid over a run.

  Raises:
    InputError: there is no such scale, or it has no file for the budget.
  """
  _known("scale", scale, scales())
  file = f"{scale}_{budget}.gin" if budget else f"{scale}.gin"
  if not (SCALES / file).exists():
    raise InputError(
      f"the scale {scale} has no budget {budget!r}: write gin_configs/scales/{file}, or choose"
      " another scale"
    )
  return f"gin_configs/scales/{file}"


def report_folder(runs: pathlib.Path, name: str, scale: str) -> pathlib.Path:
  """Where an experiment's report is."""
  return runs / name / scale / "report"


def _known(what: str, name: str, known: list[str]) -> None:
  if name not in known:
    near = did_you_mean.suggestion(name, known, form="'{}'")
    raise InputError(f"there is no {what} {name!r}{near}")
