"""One run: trained, then measured, each measurement a file of the run's folder.

  measured/local_code_clm.bits_per_byte.json   {"value": 2.1, "items": {"a.py": [812.0, 390], ...}}

`items` are what the value is a mean over: for each of them what is summed, and what it is divided
by.  `python -m experiments.work JOB.json` does one in a process of its own (`pool`).
"""

from collections.abc import Iterator, Mapping, Sequence
import dataclasses
import json
import os
import pathlib
import sys
from typing import Any

from codegen_jax import config as gin_config
from codegen_jax import main as codegen_jax
from codegen_jax.errors import Diverged, InputError
from codegen_jax.files import write_json
from codegen_jax.quiet import import_tensorflow

FOLDER = "measured"
DIVERGED = "diverged.json"


@dataclasses.dataclass(frozen=True)
class Job:
  """A run as a process is told it.

  Attributes:
    label: for a reader.
    gin_files: later ones win.
    bindings: as `NAME = VALUE`; they win over all files.
    search_paths: of gin files.
    workdir: of the run.
    asked: (what is measured, value) pairs, e.g. ("local_code_clm", "bits_per_byte").
    total_steps: that it trains.
    row_tokens: of one step.
    cores: of the machine that it may use; () is all.
    may_diverge: whether a run that diverges is written down and done, not an error.
  """

  label: str
  gin_files: tuple[str, ...]
  bindings: tuple[str, ...]
  search_paths: tuple[str, ...]
  workdir: str
  asked: tuple[tuple[str, str], ...]
  total_steps: int
  row_tokens: int
  cores: tuple[int, ...] = ()
  may_diverge: bool = False


def from_json(told: Mapping[str, Any]) -> Job:
  """`dataclasses.asdict` of a job, as JSON gives it back."""
  kept = {name: value for name, value in told.items() if not isinstance(value, list)}
  lists = {name: tuple(value) for name, value in told.items() if isinstance(value, list)}
  return Job(**kept, **lists | {"asked": tuple(map(tuple, told["asked"]))})


def do(job: Job) -> None:
  """Trains what is not trained, and measures what is not measured."""
  workdir = pathlib.Path(job.workdir)
  try:
    codegen_jax.train(
      job.gin_files, job.bindings, workdir, search_paths=job.search_paths, label=job.label
    )
  except Diverged as error:
    if not job.may_diverge:
      raise
    write_json(workdir / DIVERGED, {"why": str(error)})
    return
  import jax

  from codegen_jax import measure
  from codegen_jax.evaluation import suite
  from codegen_jax.run_config import RunConfig

  config = gin_config.load(RunConfig, job.gin_files, job.bindings, job.search_paths).config
  benchmarks = sorted({of for of, _ in job.asked} & {*suite.NAMES})
  results = measure.held_out(config, workdir) if config.evaluation.held_out else {}
  if benchmarks:
    for result in measure.benchmarks(config, workdir, benchmarks):
      ((name, _),) = result["results"].items()
      results[name] = result
  if jax.process_index() == 0:
    (workdir / FOLDER).mkdir(exist_ok=True)
    for of, value in job.asked:
      write_json(path(workdir, of, value), _measured(workdir, of, value, results[of]))


def diverged(job: Job) -> bool:
  """Whether it did, and is not to be tried again."""
  return (pathlib.Path(job.workdir) / DIVERGED).exists()


def path(workdir: pathlib.Path, of: str, value: str) -> pathlib.Path:
  """Where a measurement stands."""
  return workdir / FOLDER / f"{of}.{value}.json"


def read(workdir: pathlib.Path, of: str, value: str) -> dict[str, Any]:
  """A measurement: its value and its items."""
  told = json.loads(path(workdir, of, value).read_text())
  return told | {"items": {name: tuple(item) for name, item in told["items"].items()}}


def _measured(
  workdir: pathlib.Path, of: str, value: str, result: Mapping[str, Any]
) -> dict[str, Any]:
  items = dict(_items(workdir, of, value, result))
  of_items = sum(above for above, _ in items.values()) / sum(below for _, below in items.values())
  return {"value": of_items, "items": items}


def _items(
  workdir: pathlib.Path, of: str, value: str, result: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[float, float]]]:
  match value:
    case "bits_per_byte":
      yield from _bits(result)
    case "accuracy":
      yield from _answers(result)
    case "pass@1":
      yield from _problems(result)
    case "prompt_perplexity" | "prompt_perplexity_solved" | "prompt_perplexity_unsolved":
      yield from _prompts(of, result, value.removeprefix("prompt_perplexity").lstrip("_"))
    case _:
      raise InputError(
        f"{of} has no {value!r}; there is bits_per_byte, accuracy, pass@1 and prompt_perplexity"
      )


def _prompts(
  of: str, result: Mapping[str, Any], outcome: str
) -> Iterator[tuple[str, tuple[float, float]]]:
  """Of each problem, or of those with an outcome, at the first temperature."""
  passes = dict(_problems(result))
  found = result["prompt_perplexity"][f"t={result['temperatures'][0]:g}"]
  kept = {
    name: (value, 1.0)
    for name, value in found.items()
    if not outcome or bool(passes[name][0]) == (outcome == "solved")
  }
  if not kept:
    raise InputError(f"{of} has no {outcome} problem, so nothing tells solved ones from others")
  yield from kept.items()


def _answers(result: Mapping[str, Any]) -> Iterator[tuple[str, tuple[float, float]]]:
  """Of each question in how many of its templates it was answered rightly."""
  told = {path: (said == right, 1) for path, (said, right) in result["documents"].items()}
  yield from (_by_question(told) if "datasets" in result else told).items()


def _bits(result: Mapping[str, Any]) -> Iterator[tuple[str, tuple[float, float]]]:
  """Of each document, or of each question what its right answer costs in all templates."""
  if "right_answers" in result:
    yield from _by_question(result["right_answers"]).items()
    return
  for name, (bits, size, _) in result["documents"].items():
    yield name, (bits, size)


def _by_question(told: Mapping[str, Sequence[float]]) -> dict[str, tuple[float, float]]:
  """Sums over templates: `cb/validation:7@3` is question `cb/validation:7` in its third.

  What is said of one question in several templates is not independent, so it is one item.
  """
  summed: dict[str, tuple[float, float]] = {}
  for path, (above, below) in told.items():
    question = path.rpartition("@")[0]
    before = summed.get(question, (0.0, 0.0))
    summed[question] = before[0] + above, before[1] + below
  return summed


def _problems(result: Mapping[str, Any]) -> Iterator[tuple[str, tuple[float, float]]]:
  """Of each problem how many samples passed, at the first temperature."""
  counted: dict[str, list[int]] = {}
  samples = pathlib.Path(result["folder"]) / "samples.jsonl"
  for row in map(json.loads, samples.open()):
    if row["temperature"] == result["temperatures"][0]:
      passed = counted.setdefault(row["task_id"], [0, 0])
      passed[0] += row["passed"]
      passed[1] += 1
  for name, (passes, drawn) in counted.items():
    yield name, (float(passes), float(drawn))


def main(argv: list[str]) -> None:
  told = json.loads(pathlib.Path(argv[0]).read_text())
  job = from_json(told)
  if job.cores:  # before any thread is made that would not know
    os.sched_setaffinity(0, job.cores)
  import_tensorflow()
  do(job)


if __name__ == "__main__":
  codegen_jax.exit_with_sentences(lambda: main(sys.argv[1:]), "experiments.work")
