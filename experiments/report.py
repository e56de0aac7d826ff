"""A finished experiment as a folder to read: results.json, report.md, report.html and its plots.

results["comparisons"]   by rule   "On held-out code the prefix arm needs 0.0500 bits per byte
                         ------>   more than the causal arm (95% over 30 documents: ...)"

python -m experiments.report NAME           the pages once more, from results.json
python -m experiments.report NAME --keep    its numbers as a small file of results/, to commit
python -m experiments.report --all          every experiment on one page
"""

from collections.abc import Mapping, Sequence
import math
import pathlib
import sys
from typing import Any

import numpy as np

from codegen_jax import main as codegen_jax
from codegen_jax.files import write_bytes, write_json, write_text
from experiments import document, pages, plots

RESULTS, STYLE = "results.json", pathlib.Path(__file__).with_name("page.css")
CURVES_NOTE = "Line: mean over seeds; band: their lowest and highest."
LOSS_NOTE = (
  "Line: mean over seeds; band: their lowest and highest. Each arm averages its own loss over its "
  "own targets (a prefix, for one, is not scored), so training losses are not comparable between "
  "arms. The held-out numbers are."
)


def write(
  results: Mapping[str, Any],
  curves: Mapping[str, Sequence[Sequence[Mapping[str, float]]]],
  folder: pathlib.Path,
  *,
  measured: plots.Measured | None = None,
) -> pathlib.Path:
  """Writes the folder and returns the path of its report.md.

  Args:
    results: of `collect`.
    curves: rows of metrics.jsonl, by arm and seed.
    folder: of the report.
    measured: what was measured while the arms trained, by metric, arm and seed.
  """
  folder.mkdir(parents=True, exist_ok=True)
  content = strict(results)
  # First, so that the numbers are safe whatever happens to their presentation.
  write_json(folder / RESULTS, content)
  drawn = {"loss_curves.png": plots.loss_curves(curves)}
  if measured:
    drawn["metric_curves.png"] = plots.metric_curves(measured, list(content["arms"]))
  return _write_pages(content, drawn, folder)


def again(content: Mapping[str, Any], folder: pathlib.Path) -> pathlib.Path:
  """The pages once more, with the curves that were drawn when the runs were at hand."""
  folder.mkdir(parents=True, exist_ok=True)
  files = [folder / name for name in ("loss_curves.png", "metric_curves.png")]
  drawn = {file.name: file.read_bytes() for file in files if file.exists()}
  return _write_pages(content, drawn, folder)


def table(results: Mapping[str, Any]) -> str:
  """Arms, paired differences and the paper's finding, for a terminal and for Markdown alike."""
  return document.markdown(pages.tables(strict(results)))


def strict(value: Any) -> Any:
  """The same as plain JSON values, with null where a number is not finite."""
  if isinstance(value, Mapping):
    return {str(key): strict(item) for key, item in value.items()}
  if isinstance(value, np.generic | np.ndarray):
    return strict(value.tolist())
  if isinstance(value, list | tuple):
    return [strict(item) for item in value]
  if isinstance(value, float) and not math.isfinite(value):
    return None
  if value is None or isinstance(value, bool | int | float | str):
    return value
  raise TypeError(f"results hold a {type(value).__name__}, {value!r}; JSON has no such thing")


def write_page(title: str, blocks: Sequence[document.Block], html: pathlib.Path) -> pathlib.Path:
  """The page, and the same in Markdown beside it, whose path is returned."""
  write_text(html, document.html(title, blocks, style=STYLE.read_text()))
  write_text(html.with_suffix(".md"), document.markdown(blocks))
  return html.with_suffix(".md")


def _write_pages(
  content: Mapping[str, Any], curves: Mapping[str, bytes], folder: pathlib.Path
) -> pathlib.Path:
  arms = ", ".join(content["arms"])
  told = {
    "loss_curves.png": (
      f"Training loss of the arms {arms}, over steps and over supervised tokens.", LOSS_NOTE
    ),
    "metric_curves.png": (
      f"Held-out metrics of the arms {arms} while they trained.", CURVES_NOTE
    ),
  }  # fmt: skip
  pictures = [
    document.Picture(
      "results.png",
      plots.results(content),
      f"Every metric for the arms {arms}, and their paired differences with intervals; the tables "
      "hold the same numbers.",
      "Held-out results. Where a bar misses the dashed line, that interval excludes zero.",
    ),
    *(document.Picture(name, png, *told[name]) for name, png in curves.items()),
  ]
  for picture in pictures:
    write_bytes(folder / picture.name, picture.png)
  title = f"{content['experiment']} ({content['scale']})"
  return write_page(title, pages.page(content, pictures), folder / "report.html")


def main(argv: Sequence[str]) -> None:
  from experiments import report_command

  report_command.main(argv)


if __name__ == "__main__":
  codegen_jax.exit_with_sentences(lambda: main(sys.argv[1:]), "experiments.report")
