"""A report in words and numbers, for a terminal's table and a page's."""

from collections.abc import Callable
import dataclasses

from codegen_jax.inspection.spelling import visible
from codegen_jax.inspection.tally import Counts, Report
from codegen_jax.models.masks import Attention

LEFT = "documents that were not changed as drawn"


@dataclasses.dataclass(frozen=True)
class Column:
  """What is told of a task, or of all."""

  name: str
  cells: tuple[str, ...]

  @property
  def width(self) -> int:
    return max(map(len, (self.name, *self.cells)))


def title(report: Report) -> str:
  c = report.config
  return (
    f"split {c.split}, seq_len {c.seq_len}, seed {c.seed}, attention {report.attention};"
    f" an epoch is {report.epoch:,} rows"
  )


def prefix(attention: Attention) -> str:
  return "prefix, read both ways" if attention == "prefix" else "prefix, where attention is prefix"


def facts(report: Report) -> dict[str, Callable[[Counts], str]]:
  """What is told of any rows, by its label."""

  def scored(attention: Attention) -> Callable[[Counts], str]:
    return lambda counts: _share(counts.scored[attention], counts.tokens)

  return {
    "rows": lambda counts: f"{counts.rows:,}",
    "documents, whole or in part": lambda counts: f"{counts.documents:,}",
    "tokens": lambda counts: f"{counts.tokens:,}",
    "tokens of the corpus": lambda counts: f"{counts.read:,}",
    **{f"scored, attention {attention}": scored(attention) for attention in report.attentions},
    "prefix": lambda counts: _share(counts.prefix, counts.tokens),
    "padding": lambda counts: _share(counts.padding, counts.places),
    "documents with spans": lambda counts: f"{len(counts.ratios):,}",
    "mask ratio, mean": lambda counts: (
      f"{sum(counts.ratios) / len(counts.ratios):.1%}" if counts.ratios else "-"
    ),
    "span length, mean": lambda counts: (
      f"{_sum(counts.spans) / sum(counts.spans.values()):.1f}" if counts.spans else "-"
    ),
  }


def columns(report: Report) -> tuple[list[str], list[Column]]:
  """Labels, and a column for each task and for all of them, where there are several."""
  told = facts(report)
  labels = [*told]
  made = [
    Column(task, tuple(fact(counts) for fact in told.values()))
    for task, counts in report.tasks.items()
  ]
  if len(made) == 1:
    return labels, made
  read = max(report.total.read, 1)
  shares = {task: counts.read / read for task, counts in report.tasks.items()}
  made = [
    Column(one.name, (*one.cells, f"{shares[one.name]:.2%}", f"{report.rates[one.name]:.2%}"))
    for one in made
  ]
  total = Column("all", (*(fact(report.total) for fact in told.values()), "", ""))
  return [*labels, "share of the text", "rate of the mixture"], [*made, total]


def left(report: Report) -> list[str]:
  """Documents that were not changed as drawn, a line for each reason."""
  return [
    f"{told.documents:,} of {task}: {why}; the first is {visible(told.first)}"
    for task, counts in report.tasks.items()
    for why, told in counts.left.items()
  ]


def _share(part: int, whole: int) -> str:
  return f"{part:,}  {part / whole:6.1%}" if whole else "0"


def _sum(spans) -> int:
  return sum(length * count for length, count in spans.items())
