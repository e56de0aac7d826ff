"""What a sweep found: one table, the best trial first, and a plot for each setting.

report/report.html  report.md  results.csv  results.json  <SETTING>.png
"""

from collections.abc import Mapping, Sequence
import csv
import io
import pathlib
import re
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from codegen_jax.files import write_bytes, write_json, write_text
from experiments import document, experiment, plots, report, statistics, wording, work
from experiments.sweep_trials import Planned

NOTE = (
  "± is the standard error over seeds. The best of many trials is partly the luckiest: train it"
  " again with other seeds before its number is compared with others."
)


def collect(planned: Sequence[Planned], asked: tuple[str, str]) -> list[dict[str, Any]]:
  """Of each trial what it set and what was measured, the best first, the diverged last."""
  rows = []
  for one in planned:
    ends = [work.diverged(job) for job in one.jobs]
    values = [
      work.read(pathlib.Path(job.workdir), *asked)["value"]
      for job, end in zip(one.jobs, ends, strict=True)
      if not end
    ]
    # One seed of a rate that is too high may have been lucky.
    mean, stderr = statistics.mean_and_stderr(values) if not any(ends) else (None, None)
    rows.append(
      {"settings": one.trial, "mean": mean, "stderr": stderr, "per_seed": values}
      | {"diverged": sum(map(bool, ends)), "folder": pathlib.Path(one.jobs[0].workdir).parent.name}
    )
  sign = -1 if asked[1] in experiment.HIGHER else 1
  return sorted(rows, key=lambda row: (row["mean"] is None, sign * (row["mean"] or 0)))


def write(
  rows: Sequence[Mapping[str, Any]],
  folder: pathlib.Path,
  *,
  asked: tuple[str, str],
  command: str,
  log: Sequence[str] = (),
) -> pathlib.Path:
  """Writes the folder and returns the path of its report.md.

  Args:
    rows: of `collect`.
    folder: of the report.
    asked: what was measured.
    command: that made it.
    log: the settings whose axis is logarithmic.
  """
  folder.mkdir(parents=True, exist_ok=True)
  metric = "/".join(asked)
  content = {"metric": metric, "better": _better(asked), "command": command, "trials": list(rows)}
  write_json(folder / report.RESULTS, report.strict(content))
  write_text(folder / "results.csv", _csv(rows))
  blocks: list[document.Block] = [
    document.Heading(f"Sweep by {metric}", 1),
    document.Text(_best(rows, asked), "answer"),
    table(rows, asked),
    document.Text(NOTE, "note"),
  ]
  for name in rows[0]["settings"]:
    png = plot(rows, name, metric=metric, log=name in log)
    file = re.sub(r"\W+", "_", name) + ".png"
    write_bytes(folder / file, png)
    blocks.append(document.Picture(file, png, f"{metric} by {name}; the table has it", name))
  blocks += [document.Heading("Command"), document.Code(command)]
  return report.write_page(f"Sweep by {metric}", blocks, folder / "report.html")


def table(rows: Sequence[Mapping[str, Any]], asked: tuple[str, str]) -> document.Table:
  """A trial a row."""
  names = list(rows[0]["settings"])
  arrow = {"lower": "↓", "higher": "↑"}[_better(asked)]
  return document.Table(
    [*names, f"{'/'.join(asked)} {arrow}"],
    [[*row["settings"].values(), _measured(row)] for row in rows],
  )


def plot(rows: Sequence[Mapping[str, Any]], name: str, *, metric: str, log: bool) -> bytes:
  """Each trial at its value of one setting; what is no number has a place of its own."""
  shown = [row for row in rows if row["mean"] is not None]
  values = [row["settings"][name] for row in shown]
  options = list(dict.fromkeys(values))
  try:
    places = [float(value) for value in values]
    options = []
  except ValueError:
    places = [float(options.index(value)) for value in values]
  with matplotlib.rc_context(plots.STYLE):
    figure = Figure(figsize=(plots.WIDTH, 3.2), layout="constrained")
    axes = figure.subplots()
    for place, row in zip(places, shown, strict=True):
      axes.errorbar(
        place, row["mean"], yerr=row["stderr"], fmt="o", color=plots.COLOURS[0], capsize=3
      )
    if options:
      axes.set_xticks(range(len(options)), options)
    elif log and all(place > 0 for place in places):
      axes.set_xscale("log")
    axes.set_xlabel(name)
    axes.set_ylabel(metric)
    return plots.png(figure)


def _better(asked: tuple[str, str]) -> str:
  return "higher" if asked[1] in experiment.HIGHER else "lower"


def _best(rows: Sequence[Mapping[str, Any]], asked: tuple[str, str]) -> str:
  best = rows[0]
  if best["mean"] is None:
    return "Every trial diverged."
  settings = ", ".join(f"{name} = {value}" for name, value in best["settings"].items())
  return f"The best of {wording.plural(len(rows), 'trial')}: {settings}, {_measured(best)}."


def _measured(row: Mapping[str, Any]) -> str:
  seeds = row["diverged"] + len(row["per_seed"])
  return f"diverged ({row['diverged']} of {seeds})" if row["diverged"] else wording.measured(row)


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
  text = io.StringIO()
  writer = csv.writer(text, lineterminator="\n")
  writer.writerow([*rows[0]["settings"], "mean", "stderr", "seeds", "diverged", "folder"])
  for row in rows:
    writer.writerow(
      [*row["settings"].values(), row["mean"], row["stderr"], len(row["per_seed"])]
      + [row["diverged"], row["folder"]]
    )
  return text.getvalue()
