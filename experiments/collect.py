"""Everything a report says, from the folders of finished runs: `collect(jobs)` -> results.json."""

from collections.abc import Mapping, Sequence
import dataclasses
import itertools
import json
import pathlib
from typing import Any

from codegen_jax import config as gin_config
from codegen_jax.errors import InputError
from codegen_jax.models.config import TransformerConfig
from codegen_jax.training import metrics as training_metrics
from experiments import cost, statistics, verdicts, work
from experiments.experiment import Metric
from experiments.jobs import Jobs, Place
from experiments.statistics import Items

Curve = list[tuple[int, float, float]]  # (step, supervised tokens, value)


def collect(name: str, jobs: Jobs, *, command: str) -> dict[str, Any]:
  """What was found, as plain values.

  Raises:
    InputError: arms differ in their steps.
  """
  asked, scale = jobs.asked, jobs.scale
  workdirs = [pathlib.Path(job.workdir) for job in jobs.ordered()]
  if not asked.lengths:
    _refuse_other_lengths(jobs)
  corpora: dict[str, Any] = {}
  for workdir in workdirs:
    corpora |= json.loads((workdir / "data.json").read_text())["corpora"]
  shown = {
    metric: one
    for metric, one in asked.metrics.items()
    if any(metric in dict(asked.measured(arm, scale)) for arm in asked.arms)
  }
  comparisons = [
    _compare(jobs, metric, arm, baseline)
    for arm, baseline in asked.comparisons
    for metric, _ in asked.measured(arm, scale)
    if metric in dict(asked.measured(baseline, scale))
  ]
  return {
    "experiment": name,
    "scale": scale,
    "question": asked.question,
    "source": asked.source,
    "commands": [command],
    "corpus": corpora,
    "arms": {arm: _arm(jobs, arm) for arm in asked.arms},
    "metrics": {
      metric: {
        "description": one.description,
        "better": one.better,
        "items": one.items,
        "paired": one.paired,
      }
      for metric, one in shown.items()
    },
    "comparisons": comparisons,
    "findings": _findings(jobs, comparisons),
    "matched": _matched(jobs, shown),
    "paper": {"finding": asked.paper_finding, "certainty": asked.paper_certainty},
    "method": list(asked.method),
    "caveats": list(asked.caveats),
    "training": cost.of(workdirs),
    "environment": json.loads((workdirs[-1] / "environment.json").read_text()),
  }


def curves(jobs: Jobs) -> dict[str, list[list[dict[str, float]]]]:
  """The rows of metrics.jsonl of each arm's own runs, by seed."""
  return {
    arm: [training_metrics.read(jobs.arm(arm, seed).workdir) for seed in jobs.seeds]
    for arm in jobs.asked.arms
  }


def measured_curves(jobs: Jobs) -> dict[str, dict[str, list[Curve]]]:
  """By metric, arm and seed, what was measured while the arms trained."""
  found: dict[str, dict[str, list[Curve]]] = {}
  for arm in jobs.asked.arms:
    for name, metric in jobs.asked.measured(arm, jobs.scale):
      by_seed = [_curve(jobs, arm, name, metric, seed) for seed in jobs.seeds]
      if all(by_seed):
        found.setdefault(name, {})[arm] = by_seed
  return found


def _refuse_other_lengths(jobs: Jobs) -> None:
  ends = {}
  for arm in jobs.asked.arms:
    for seed in jobs.seeds:
      place = jobs.arm(arm, seed)
      ends[f"{arm} ({place.workdir})"] = sum(
        training_metrics.read(one.workdir)[-1]["step"] for one in place.chain()
      )
  if len({*ends.values()}) > 1:
    longest, shortest = max(ends, key=ends.__getitem__), min(ends, key=ends.__getitem__)
    raise InputError(
      f"{longest} took {ends[longest]} steps and {shortest} {ends[shortest]}, which is no fair"
      " comparison; give them the same budget"
    )


def _arm(jobs: Jobs, arm: str) -> dict[str, Any]:
  asked = jobs.asked.arms[arm]
  metrics = {}
  for name, _ in jobs.asked.measured(arm, jobs.scale):
    per_seed = [_read(jobs, arm, name, seed)["value"] for seed in jobs.seeds]
    mean, stderr = statistics.mean_and_stderr(per_seed)
    metrics[name] = {"mean": mean, "stderr": stderr, "per_seed": per_seed}
  own = [jobs.arm(arm, seed) for seed in jobs.seeds]
  model = json.loads((own[0].workdir / "config.json").read_text())["model"]
  asked_of = {metric.run for _, metric in jobs.asked.measured(arm, jobs.scale)}
  return {
    "description": asked.description,
    "metrics": metrics,
    "seeds": len(own),
    "parameters": TransformerConfig(**model).num_params,
    **_trained(own),
    "tuned": {
      name: _trained([jobs.place(run, seed) for seed in jobs.seeds])
      for name, run in asked.runs().items()
      if name and name in asked_of
    },
  }


def _trained(places: Sequence[Place]) -> dict[str, Any]:
  """What a run learned from, and how, by its last rows over all seeds."""
  last_rows = [training_metrics.read(place.workdir)[-1] for place in places]
  config = json.loads((places[0].workdir / "config.json").read_text())
  return {
    "supervised_tokens": _mean_int([row["train/scored_tokens"] for row in last_rows]),
    "all_tokens": _mean_int([row["train/all_tokens"] for row in last_rows]),
    "steps": last_rows[0]["step"],
    "config": gin_config.flat(config),
    "folder": places[0].workdir.parent.name,
  }


def _read(jobs: Jobs, arm: str, metric: str, seed: int) -> dict[str, Any]:
  place, (of, value) = jobs.where(arm, metric, seed)
  return work.read(place.workdir, of, value)


def _compare(jobs: Jobs, metric: str, arm: str, baseline: str) -> dict[str, Any]:
  def items(name: str) -> list[Items]:
    return [_read(jobs, name, metric, seed)["items"] for seed in jobs.seeds]

  asked = jobs.asked.metrics[metric]
  compare = statistics.paired_difference if asked.paired else statistics.difference_of_groups
  difference = compare(items(arm), items(baseline))
  return {
    "metric": metric,
    "arm": arm,
    "baseline": baseline,
    "items": asked.items,
    **dataclasses.asdict(difference),
  }


def _findings(jobs: Jobs, comparisons: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
  by_key = {(c["metric"], c["arm"], c["baseline"]): c for c in comparisons}
  told = []
  for finding in jobs.asked.findings:
    compared = by_key.get((finding.metric, finding.arm, finding.baseline))
    better = jobs.asked.metrics[finding.metric].better
    said, why = verdicts.verdict(finding, compared, better)
    told.append(dataclasses.asdict(finding) | {"verdict": said, "why": why})
  return told


def _matched(jobs: Jobs, shown: Mapping[str, Metric]) -> dict[str, Any]:
  """Each arm where all have learned from as many targets, by what was measured while they trained.

  Between two measurements the value is interpolated along a line.
  """
  by_metric = measured_curves(jobs)
  ends = [
    points[-1][1] for arms in by_metric.values() for seeds in arms.values() for points in seeds
  ]
  if not ends or len(jobs.asked.arms) < 2:
    return {}
  tokens = min(ends)
  values: dict[str, dict[str, Any]] = {}
  for metric, arms in by_metric.items():
    if metric not in shown:
      continue
    for arm, seeds in arms.items():
      per_seed = [_at(points, tokens) for points in seeds]
      known = [value for value in per_seed if value is not None]
      if len(known) == len(per_seed):
        mean, stderr = statistics.mean_and_stderr(known)
        values.setdefault(arm, {})[metric] = {"mean": mean, "stderr": stderr, "per_seed": known}
  return {"supervised_tokens": round(tokens), "arms": values}


def _at(points: Curve, tokens: float) -> float | None:
  """The value at so many supervised tokens; None before the first measurement."""
  for (_, before, value), (_, after, next_value) in itertools.pairwise(points):
    if before <= tokens <= after:
      share = (tokens - before) / (after - before) if after > before else 0.0
      return value + share * (next_value - value)
  return points[-1][2] if points[-1][1] == tokens else None


def _curve(jobs: Jobs, arm: str, name: str, metric: Metric, seed: int) -> Curve:
  """Of an arm's own run; nothing where the metric was not measured while it trained."""
  place, (of, value) = jobs.where(arm, name, seed)
  path = place.workdir / training_metrics.EVALUATIONS
  if metric.run or not path.exists():
    return []
  tokens = {row["step"]: row["train/scored_tokens"] for row in training_metrics.read(place.workdir)}
  return [
    (row["step"], tokens[row["step"]], row[key])
    for row in training_metrics.rows(path)
    if (key := f"eval/{of}/{value}") in row and row["step"] in tokens
  ]


def _mean_int(values: Sequence[float]) -> int:
  return round(sum(values) / len(values))
