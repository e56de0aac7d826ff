"""One page over all experiments: what was found of each, and what has not been asked yet."""

from collections.abc import Mapping, Sequence
import os
import pathlib
from typing import Any

from experiments import cost, document, experiment, kept, report, wording
from experiments.document import Block, Cell, Link, Table, Text

NOTE = (
  "Differences are the arm minus its baseline, with the interval over items and seeds together by"
  " which verdicts are given."
)


def write(results: pathlib.Path, runs: pathlib.Path, out: pathlib.Path) -> pathlib.Path:
  """Writes the page and the same in Markdown, whose path is returned.

  Args:
    results: folder of kept results; where an experiment is in both, these are shown.
    runs: folder of all runs.
    out: the page, as HTML.
  """
  found = {(one["experiment"], one["scale"]): one for one in kept.all_in(results)}
  made = {
    (one["experiment"], one["scale"]): one
    for file in sorted(runs.glob(f"*/*/report/{report.RESULTS}"))
    for one in [kept.read(file)]
  }
  contents = sorted((made | found).values(), key=lambda one: (one["experiment"], one["scale"]))
  not_kept = [key for key, one in made.items() if key not in found or kept.slim(one) != found[key]]
  out.parent.mkdir(parents=True, exist_ok=True)
  blocks = [*_answers(contents, runs, out), *_findings(contents), *_missing(contents, not_kept)]
  return report.write_page("All experiments", blocks, out)


def _answers(contents: Sequence[Mapping], runs: pathlib.Path, out: pathlib.Path) -> list[Block]:
  rows: list[list[Cell]] = [
    [
      f"{one['experiment']} ({one['scale']})",
      one["question"],
      _answer(one),
      _made(one),
      _report(one, runs, out),
    ]
    for one in contents
  ]
  header = ["experiment", "question", "answer", "made", "report"]
  title = document.Heading("All experiments", 1)
  return [title, Table(header, rows)] if rows else [title, Text("None has been run yet.")]


def _findings(contents: Sequence[Mapping]) -> list[Block]:
  rows: list[list[Cell]] = [
    [
      f"{one['experiment']} ({one['scale']})",
      finding["statement"],
      finding["verdict"],
      *_difference(one, finding),
      finding["certainty"],
    ]
    for one in contents
    for finding in one["findings"]
  ]
  header = ["experiment", "finding of the paper", "verdict", "difference", "seeds", "how sure"]
  if not rows:
    return []
  return [document.Heading("The papers' findings"), Table(header, rows), Text(NOTE, "note")]


def _missing(contents: Sequence[Mapping], not_kept: Sequence[tuple[str, str]]) -> list[Block]:
  blocks: list[Block] = []
  have = {one["experiment"] for one in contents}
  if lacking := [name for name in experiment.names() if name not in have]:
    rows = [[name, experiment.load(name).question, command(name)] for name in lacking]
    blocks += [
      document.Heading("Not yet run"), Table(["experiment", "question", "command"], rows)
    ]  # fmt: skip
  if not_kept:
    lines = [f"python -m experiments.report {name} --scale={s} --keep" for name, s in not_kept]
    blocks += [
      document.Heading("Made here and not kept as they are"),
      document.Code("\n".join(lines)),
    ]
  return blocks


def command(name: str, scale: str = "demo") -> str:
  """What makes its results."""
  return f"python -m experiments.run {name} --scale={scale}"


def _answer(content: Mapping) -> str:
  comparisons = content["comparisons"]
  if not comparisons:
    return "Nothing was compared."
  return wording.answer(comparisons[0], content["metrics"][comparisons[0]["metric"]])


def _difference(content: Mapping, finding: Mapping) -> tuple[str, str]:
  """Of the finding's own comparison: the difference with its interval, and of how many seeds."""
  for one in content["comparisons"]:
    if all(one[key] == finding[key] for key in ("metric", "arm", "baseline")):
      interval = f"{wording.percent(one)} {wording.span(one['interval'])}"
      told = f"{wording.number(one['difference'], signed=True)} ({interval})"
      return f"{told}, {one['metric']}", str(len(one["per_seed"]))
  return wording.UNKNOWN, wording.UNKNOWN


def _made(content: Mapping) -> str:
  environment, training = content["environment"], content.get("training")
  commits = (training or {}).get("commits") or [environment.get("commit")]
  named = [
    f"{c.removesuffix('+')} with changes" if c.endswith("+") else c for c in map(str, commits)
  ]
  parts = [
    cost.sentence(training) if training else "",
    f"commit {', '.join(named)}",
    f"{environment['devices']}, {environment['cpus']} CPUs" if "devices" in environment else "",
  ]
  return "; ".join(part for part in parts if part)


def _report(content: Mapping[str, Any], runs: pathlib.Path, out: pathlib.Path) -> Cell:
  page = experiment.report_folder(runs, content["experiment"], content["scale"]) / "report.html"
  if not page.exists():
    return wording.UNKNOWN
  return Link("report", pathlib.Path(os.path.relpath(page, out.parent)).as_posix())
