"""Trains and measures every arm and seed of an experiment, then writes its report.

  python -m experiments.run lesson1_prefix_lm --scale=demo

Interrupt it and run it again: finished arms stay, the one that was running continues.
"""

import argparse
from collections.abc import Sequence
import dataclasses
import json
import pathlib
import shlex
import sys
import time
from typing import Any

from codegen_jax import config as gin_config
from codegen_jax import distributed, evaluate
from codegen_jax import main as codegen_jax
from codegen_jax.errors import InputError
from codegen_jax.models.config import TransformerConfig
from codegen_jax.quiet import import_tensorflow
from codegen_jax.training import metrics as step_metrics
from experiments import experiment, report, statistics
from experiments.experiment import Experiment

Documents = statistics.Documents


def main(argv: Sequence[str]) -> None:
  gin_files, bindings, search_paths, rest = gin_config.parse_gin_flags(list(argv))
  flags = _parser().parse_args(rest)
  asked = experiment.load(flags.experiment)
  scale = experiment.scale_file(flags.scale)
  if flags.seeds is not None and flags.seeds < 1:
    raise InputError(f"--seeds is {flags.seeds}; an experiment needs at least 1")
  seeds = range(flags.seeds or asked.seeds)
  folder = flags.runs / flags.experiment / flags.scale
  files = {arm: [asked.arms[arm].gin_file, scale, *gin_files] for arm in asked.arms}
  settings = {seed: [f"SEED = {seed}", *bindings] for seed in seeds}

  import_tensorflow()
  from codegen_jax.run_config import RunConfig  # imports TensorFlow too, which is quiet only now

  runs = [(arm, seed) for seed in seeds for arm in asked.arms]
  # Before the first is trained: a slip in the last arm should not wait for the others.
  for arm, seed in runs:
    _check(asked, seed, gin_config.load(RunConfig, files[arm], settings[seed], search_paths).config)
  distributed.initialize()
  measured: dict[str, list[dict[str, Any]]] = {arm: [] for arm in asked.arms}
  for number, (arm, seed) in enumerate(runs, start=1):
    workdir = folder / arm / f"seed_{seed}"
    label = f"[{number}/{len(runs)}] {arm:{max(map(len, asked.arms))}} seed {seed}"
    started = time.monotonic()
    codegen_jax.train(files[arm], settings[seed], workdir, search_paths=search_paths, label=label)
    results = evaluate.evaluate(files[arm], settings[seed], workdir, search_paths=search_paths)
    measured[arm].append({"workdir": workdir, "results": results})
    for metric in asked.metrics.values():
      bits = results[metric.mixture]["metrics"]["bits_per_byte"]
      print(f"{label}  {metric.description}: {bits:.4f} bits per byte", file=sys.stderr)
    print(f"{label}  took {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)

  command = f"python -m experiments.run {shlex.join(argv)}"
  results = collect(flags.experiment, asked, measured, scale=flags.scale, command=command)
  curves = {
    arm: [step_metrics.read(run["workdir"]) for run in done] for arm, done in measured.items()
  }
  path = report.write(results, curves, folder / "report")
  print(report.table(results))
  print(f"\nreport: {path}\n        {path.with_suffix('.html')}")


def collect(
  name: str,
  asked: Experiment,
  measured: dict[str, list[dict[str, Any]]],
  *,
  scale: str,
  command: str,
) -> dict[str, Any]:
  """Everything a report says, from the runs' folders: `{arm: [{"workdir", "results"}, ...]}`."""
  workdirs = [run["workdir"] for runs in measured.values() for run in runs]
  ends = {workdir: step_metrics.read(workdir)[-1]["step"] for workdir in workdirs}
  if len({*ends.values()}) > 1:
    longest, shortest = max(ends, key=ends.__getitem__), min(ends, key=ends.__getitem__)
    raise InputError(
      f"{longest} is at step {ends[longest]} and {shortest} at {ends[shortest]}, which is no fair"
      " comparison; raise TOTAL_STEPS to the longest, or delete it"
    )
  corpora: dict[str, Any] = {}
  for workdir in workdirs:
    corpora |= json.loads((workdir / "data.json").read_text())["corpora"]
  return {
    "experiment": name,
    "scale": scale,
    "question": asked.question,
    "source": asked.source,
    "commands": [command],
    "corpus": corpora,
    "arms": {arm: _arm(asked, arm, runs) for arm, runs in measured.items()},
    "metrics": {
      metric: {"description": m.description, "better": m.better}
      for metric, m in asked.metrics.items()
    },
    "comparisons": [
      _compare(metric, m.mixture, arm, baseline, measured)
      for arm, baseline in asked.comparisons
      for metric, m in asked.metrics.items()
    ],
    "paper": {"finding": asked.paper_finding, "certainty": asked.paper_certainty},
    "method": list(asked.method),
    "caveats": list(asked.caveats),
    "environment": json.loads((workdirs[-1] / "environment.json").read_text()),
  }


def _check(asked: Experiment, seed: int, config: Any) -> None:
  """Refuses settings under which the runs would not answer the question."""
  if config.train.seed != seed:
    raise InputError(
      f"the seed was set to {config.train.seed}, and an experiment numbers its seeds itself; take"
      " that setting out and give --seeds"
    )
  missing = {m.mixture for m in asked.metrics.values()} - {*config.evaluation.held_out}
  if missing:
    raise InputError(
      f"HELD_OUT lacks {', '.join(sorted(missing))}, on which this experiment is measured; add"
      f" {'it' if len(missing) == 1 else 'them'}"
    )


def _arm(asked: Experiment, arm: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
  last_rows = [step_metrics.read(run["workdir"])[-1] for run in runs]
  metrics = {}
  for name, metric in asked.metrics.items():
    per_seed = [run["results"][metric.mixture]["metrics"]["bits_per_byte"] for run in runs]
    mean, stderr = statistics.mean_and_stderr(per_seed)
    metrics[name] = {"mean": mean, "stderr": stderr, "per_seed": per_seed}
  config = json.loads((runs[0]["workdir"] / "config.json").read_text())
  return {
    "description": asked.arms[arm].description,
    "metrics": metrics,
    "supervised_tokens": _mean_int([row["train/scored_tokens"] for row in last_rows]),
    "all_tokens": _mean_int([row["train/all_tokens"] for row in last_rows]),
    "steps": last_rows[0]["step"],
    "seeds": len(runs),
    "parameters": TransformerConfig(**config["model"]).num_params,
    "config": gin_config.flat(config),
  }


def _compare(
  metric: str, mixture: str, arm: str, baseline: str, measured: dict[str, list[dict[str, Any]]]
) -> dict[str, Any]:
  def documents(name: str) -> list[Documents]:
    read = [run["results"][mixture]["documents"] for run in measured[name]]
    return [{path: (bits, num_bytes) for path, (bits, num_bytes, _) in d.items()} for d in read]

  difference = statistics.paired_difference(documents(arm), documents(baseline))
  return {"metric": metric, "arm": arm, "baseline": baseline, **dataclasses.asdict(difference)}


def _mean_int(values: Sequence[int]) -> int:
  return round(sum(values) / len(values))


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="python -m experiments.run",
    description=__doc__,
    epilog="--gin_file=FILE and --gin.NAME=VALUE are laid over every arm.\n"
    f"experiments: {', '.join(experiment.names())}",
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  parser.add_argument("experiment", metavar="EXPERIMENT")
  parser.add_argument("--scale", default="demo", help="a file of gin_configs/scales (demo)")
  parser.add_argument("--seeds", type=int, help="seeds 0 .. SEEDS - 1 of each arm")
  parser.add_argument(
    "--runs", type=pathlib.Path, default=experiment.ROOT / "runs", help="folder of all runs (runs)"
  )
  return parser


if __name__ == "__main__":
  codegen_jax.exit_with_sentences(lambda: main(sys.argv[1:]), "experiments.run")
