"""Rows and their counts as lines of text."""

from collections.abc import Iterator, Sequence

import numpy as np

from codegen_jax.data.pipeline import Reader
from codegen_jax.inspection import histogram, places, spelling, summary
from codegen_jax.inspection.histogram import Histogram
from codegen_jax.inspection.marks import Marks
from codegen_jax.inspection.tally import Report
from codegen_jax.models import masks

BAR = 40  # the longest, in characters
EIGHTHS = " ▏▎▍▌▋▊▉█"


def text(
  reader: Reader, rows: Sequence[int], report: Report, *, marks: Marks, width: int
) -> Iterator[str]:
  """First the rows, then what all that were counted hold: the end of it stays on the screen."""
  yield f"{report.config.mixture}: {summary.title(report)}"
  yield "marks: " + marks.legend()
  for index in rows:
    yield ""
    yield from row(reader, index, report, marks=marks, width=width)
  yield ""
  yield f"{report.total.rows:,} rows counted"
  yield from table(report, width=width)
  for drawn in histogram.histograms(report.total):
    yield ""
    yield from bars(drawn)
  if left := summary.left(report):
    yield ""
    yield summary.LEFT
    yield from (f"  {line}" for line in left)


def row(reader: Reader, index: int, report: Report, *, marks: Marks, width: int) -> Iterator[str]:
  """A row under its name, each document under its path."""
  read = reader.inspect(index)
  scored = np.asarray(masks.scored_targets(read.batch, report.attention))[0]
  documents = places.documents(read, scored, reader.vocabulary.is_special())
  size = len(read.example.tokens)
  yield marks.soft(_rule(f"row {index} of {read.task}", width, "═"))
  yield f"{size:,} tokens, {scored.sum():,} scored, {read.batch.prefix_mask.sum():,} of a prefix"
  for document in documents:
    yield marks.soft(_rule(document.title, width, "─"))
    shown = marks.text(places.runs(document.places, reader.vocabulary))
    yield shown.removesuffix("\n")
  if padding := report.config.seq_len - size:
    yield marks.soft(spelling.PADDING.format(padding))


def table(report: Report, *, width: int) -> Iterator[str]:
  """The counts, in as many blocks of columns as the width asks for."""
  labels, columns = summary.columns(report)
  first = max(map(len, labels))
  blocks: list[list[summary.Column]] = [[]]
  for column in columns:
    if blocks[-1] and first + sum(2 + one.width for one in [*blocks[-1], column]) > width:
      blocks.append([])
    blocks[-1].append(column)
  for number, block in enumerate(blocks):
    if number:
      yield ""
    yield " " * first + "".join(f"  {one.name:>{one.width}}" for one in block)
    for line, label in enumerate(labels):
      cells = "".join(f"  {one.cells[line]:>{one.width}}" for one in block)
      yield f"{label:<{first}}{cells}".rstrip()


def bars(drawn: Histogram) -> Iterator[str]:
  yield f"{drawn.title}: {drawn.summary}"
  label = max(len(name) for name, _ in drawn.bins)
  count = max(len(f"{number:,}") for _, number in drawn.bins)
  for name, number in drawn.bins:
    whole, part = divmod(round(8 * BAR * number / drawn.highest), 8)
    # What is there at all shows, however little it is.
    bar = "█" * whole + EIGHTHS[max(part, number > 0 and not whole)].strip()
    yield f"  {name:>{label}}  {number:>{count},}  {bar}".rstrip()


def _rule(text: str, width: int, line: str) -> str:
  return f"{line * 2} {text} ".ljust(width, line)
