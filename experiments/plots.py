"""The pictures of a report, as PNG bytes: loss, held-out metrics, results with their differences.

Panels are stacked, not side by side, so that a phone shows their text at a readable size.
"""

from collections.abc import Mapping, Sequence
import io
import math
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
import matplotlib.ticker
import numpy as np

# Okabe and Ito's colours without their yellow, which white paper swallows; past the sixth arm they
# come round again with another dash.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#000000")
DASHES = ("-", "--", ":")
MARKERS = ("o", "s", "D", "^", "v", "P")
STYLE: Any = {
  "font.family": "DejaVu Sans",  # ships with matplotlib, so every machine draws the same bytes
  "font.size": 10,
  "text.parse_math": False,  # a dollar in a name is a dollar
  "axes.formatter.useoffset": False,
  "axes.spines.top": False,
  "axes.spines.right": False,
  "axes.grid": True,
  "grid.color": "#e4e4e4",
  "grid.linewidth": 0.7,
  "axes.axisbelow": True,
  "legend.frameon": False,
}
WIDTH = 5.6  # inches

Row = Mapping[str, float]
# {metric: {arm: [[(step, supervised tokens, value), ...] of each seed]}}
Measured = Mapping[str, Mapping[str, Sequence[Sequence[tuple[int, float, float]]]]]


def loss_curves(curves: Mapping[str, Sequence[Sequence[Row]]]) -> bytes:
  """Training loss of every arm, over steps and over the tokens that were its targets."""
  with matplotlib.rc_context(STYLE):
    columns = max(1, 62 // (max(map(len, curves), default=0) + 8))  # 62 characters fill a line
    height = 6.4 + 0.22 * math.ceil(len(curves) / columns)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    by_step, by_token = figure.subplots(2, 1, sharey=True)
    for i, (arm, seeds) in enumerate(curves.items()):
      steps, tokens, losses = _aligned(seeds)
      colour, dash = COLOURS[i % len(COLOURS)], DASHES[i // len(COLOURS) % len(DASHES)]
      for axes, x in ((by_step, steps), (by_token, tokens)):
        axes.plot(x, losses.mean(axis=0), dash, color=colour, linewidth=1.6, label=arm)
        if len(seeds) > 1:
          axes.fill_between(
            x, losses.min(axis=0), losses.max(axis=0), color=colour, alpha=0.2, linewidth=0
          )
    by_step.set_xlabel("training steps")
    by_token.set_xlabel("supervised tokens (targets seen so far)")
    by_token.xaxis.set_major_formatter(matplotlib.ticker.EngFormatter(sep=""))
    for axes in (by_step, by_token):
      axes.set_ylabel("training loss (nats per scored token)")
      axes.set_yscale("log")  # the fall of the first steps would flatten everything after it
      axes.yaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 1.5, 2, 3, 4, 6, 8)))
      axes.yaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
      axes.yaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    if curves:
      figure.legend(*by_step.get_legend_handles_labels(), loc="outside upper left", ncols=columns)
    return png(figure)


def metric_curves(measured: Measured, names: Sequence[str]) -> bytes:
  """A panel for each metric that was measured while the arms trained, over steps."""
  with matplotlib.rc_context(STYLE):
    height = 2.6 * len(measured) + 0.6
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    panels = figure.subplots(len(measured), 1, squeeze=False)[:, 0]
    shown: dict[str, Line2D] = {}
    for axes, (metric, arms) in zip(panels, measured.items(), strict=True):
      for arm, seeds in arms.items():
        i = names.index(arm)
        colour, dash = COLOURS[i % len(COLOURS)], DASHES[i // len(COLOURS) % len(DASHES)]
        steps = sorted(set.intersection(*({step for step, _, _ in points} for points in seeds)))
        by_step = [{step: value for step, _, value in points} for points in seeds]
        values = np.array([[told[step] for step in steps] for told in by_step])
        (shown[arm],) = axes.plot(steps, values.mean(axis=0), dash, color=colour, label=arm)
        axes.fill_between(
          steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0
        )
      axes.set_ylabel(metric)
      axes.set_xlabel("training steps")
    figure.legend(handles=list(shown.values()), loc="outside upper left", ncols=2)
    return png(figure)


def results(content: Mapping) -> bytes:
  """Every metric with its arms, and below them the paired differences with both intervals."""
  panels = [
    (metric, [c for c in content["comparisons"] if c["metric"] == metric])
    for metric in content["metrics"]
  ]
  heights = []
  for _, comparisons in panels:
    heights += [len(content["arms"])] + ([len(comparisons)] if comparisons else [])
  if not heights:
    raise ValueError("the results name no metrics; there is nothing to draw")
  with matplotlib.rc_context(STYLE):
    height = sum(0.3 * rows + 1.05 for rows in heights) + 0.4
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    # Rows are equally tall in every panel; each also holds its own axis label.
    rows = iter(
      figure.subplots(len(heights), 1, squeeze=False, height_ratios=[n + 1 for n in heights])[:, 0]
    )
    for metric, comparisons in panels:
      better = content["metrics"][metric]["better"]
      _draw_arms(next(rows), content["arms"], metric, f"{metric} ({better} is better)")
      if comparisons:
        side = {"lower": "below", "higher": "above"}[better]
        label = f"paired difference of {metric}\n({side} 0 the arm named first is better)"
        _draw_differences(next(rows), comparisons, label)
    figure.legend(handles=_legend(), loc="outside upper left", ncols=2, fontsize=9)
    return png(figure)


def _draw_arms(axes: Axes, arms: Mapping, metric: str, label: str) -> None:
  for i, arm in enumerate(arms.values()):
    value = arm["metrics"].get(metric)
    if value is None or value["mean"] is None:
      continue
    colour = COLOURS[i % len(COLOURS)]
    seeds = _measured(value["per_seed"])
    axes.plot(seeds, [i] * len(seeds), "|", color=colour, alpha=0.6, markersize=11)
    axes.errorbar(
      value["mean"],
      i,
      xerr=value["stderr"],
      fmt=MARKERS[i % len(MARKERS)],
      color=colour,
      markersize=6,
      capsize=4,
    )
  _name_rows(axes, list(arms), label)


def _draw_differences(axes: Axes, comparisons: Sequence[Mapping], label: str) -> None:
  for i, comparison in enumerate(comparisons):
    if comparison["difference"] is None:
      continue
    if interval := comparison["interval_seeds"]:
      axes.plot(interval, [i, i], "-", color="#999999", linewidth=1.2, marker="|", markersize=8)
    if interval := comparison["interval_items"]:
      axes.plot(interval, [i, i], "-", color="black", linewidth=4, solid_capstyle="butt")
    seeds = _measured(comparison["per_seed"])
    axes.plot(seeds, [i] * len(seeds), "|", color="black", alpha=0.6, markersize=11)
    axes.plot(comparison["difference"], i, "o", color="white", markeredgecolor="black")
  axes.axvline(0, color="#555555", linewidth=1, linestyle="--")
  _name_rows(axes, [f"{c['arm']} − {c['baseline']}" for c in comparisons], label)


def _name_rows(axes: Axes, names: list[str], label: str) -> None:
  axes.set_yticks(range(len(names)), names)
  axes.set_ylim(len(names) - 0.4, -0.6)  # the first on top, as in the table
  axes.grid(axis="y", visible=False)
  axes.locator_params(axis="x", nbins=6)
  axes.margins(x=0.08)
  axes.set_xlabel(label, loc="right")  # a long one grows under the names, not off the paper


def _legend() -> list[Line2D]:
  grey: dict[str, Any] = {"color": "#555555", "linestyle": ""}
  return [
    Line2D([], [], marker="|", markersize=10, label="one seed", **grey),
    Line2D([], [], marker="o", label="mean ± standard error", **grey),
    Line2D([], [], color="black", linewidth=4, label="interval over items"),
    Line2D([], [], color="#999999", linewidth=1.2, label="interval over seeds"),
  ]


def _aligned(seeds: Sequence[Sequence[Row]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Steps, mean tokens and losses [seed, step] where every seed of an arm has a row."""
  by_step = [{row["step"]: row for row in rows if "train/loss" in row} for rows in seeds]
  steps = sorted(set.intersection(*map(set, by_step))) if by_step else []
  tokens = [[rows[step]["train/scored_tokens"] for step in steps] for rows in by_step]
  losses = [[rows[step]["train/loss"] for step in steps] for rows in by_step]
  return np.array(steps), np.mean(tokens, axis=0), np.array(losses, dtype=np.float64)


def _measured(values: Sequence[float | None]) -> list[float]:
  return [value for value in values if value is not None]


def png(figure: Figure) -> bytes:
  buffer = io.BytesIO()
  FigureCanvasAgg(figure)
  # Without matplotlib's version in the file, equal pictures are equal bytes.
  figure.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
  return buffer.getvalue()
