"""results.json of a benchmark: lm-eval's fields, so that its viewers read it, and what it lacks."""

from collections.abc import Mapping
import datetime
import hashlib
import json
import math
import platform
from typing import Any

import jax

from codegen_jax import checkout
from codegen_jax.evaluation.benchmark import Benchmark
from codegen_jax.evaluation.pass_at_k import Estimate

MODEL = "codegen_jax"
# What lm-eval's results tell besides, of which there is nothing to tell here.
NOT_TOLD = (
  "system_instruction",
  "system_instruction_sha",
  "chat_template",
  "chat_template_sha",
  "fewshot_as_multiturn",
  "upper_git_hash",
)
NOT_CONFIGURED = (
  "batch_size",
  "device",
  "use_cache",
  "bootstrap_iters",
  "gen_kwargs",
  "random_seed",
  "numpy_seed",
  "torch_seed",
  "fewshot_seed",
)
LOWER_IS_BETTER = ("perplexity", "prompt_perplexity")


def make(
  benchmark: Benchmark,
  metrics: Mapping[str, Estimate],
  *,
  original: int,
  effective: int,
  limit: int | None,
  seconds: float,
  settings: Mapping[str, Any],
  told: Mapping[str, Any],
) -> dict[str, Any]:
  """As JSON has it.

  Args:
    benchmark: that was run.
    metrics: of it; the part of a name behind a comma is what lm-eval calls a filter.
    original: problems that there are.
    effective: problems that were asked.
    limit: that was set, if one was.
    seconds: that it took, without what a run before it has done.
    settings: what the answers depend on.
    told: what else there is to say.
  """
  name = benchmark.name
  values: dict[str, Any] = {"name": name, "alias": name, "sample_len": effective}
  for metric, estimate in metrics.items():
    kind, filtered = _parts(metric)
    values[f"{kind},{filtered}"] = estimate.value
    values[f"{kind}_stderr,{filtered}"] = None if math.isnan(estimate.stderr) else estimate.stderr
  kinds = {_parts(metric)[0] for metric in metrics}
  return {
    "results": {name: values},
    "group_subtasks": {name: []},
    "configs": {name: {"task": name, **settings}},
    "versions": {name: benchmark.version},
    "n-shot": {name: told.get("n_shot", 0)},
    "higher_is_better": {name: {kind: kind not in LOWER_IS_BETTER for kind in sorted(kinds)}},
    "n-samples": {name: {"original": original, "effective": effective}},
    "config": {
      **dict.fromkeys(NOT_CONFIGURED),
      "batch_sizes": [],
      "model": MODEL,
      "model_args": dict(settings),
      "limit": limit,
    },
    "git_hash": checkout.commit(),
    "date": datetime.datetime.now(datetime.UTC).timestamp(),
    "task_hashes": {name: _hash(benchmark.data_sha256())},
    "total_evaluation_time_seconds": str(seconds),
    "model_source": MODEL,
    "model_name": MODEL,
    "model_name_sanitized": MODEL,
    "pretty_env_info": f"Python {platform.python_version()}, jax {jax.__version__}",
    "transformers_version": "N/A",
    "lm_eval_version": "N/A",
    **dict.fromkeys(NOT_TOLD),
    "data_sha256": benchmark.data_sha256(),
    **told,
  }


def values(result: Mapping[str, Any]) -> list[tuple[str, str, float]]:
  """Benchmark, metric and value, without the standard errors."""
  ((name, told),) = result["results"].items()
  found = []
  for key, value in told.items():
    kind, comma, filtered = key.partition(",")
    if comma and not kind.endswith("_stderr"):
      found.append((name, kind if filtered == "none" else f"{kind} {filtered}", value))
  return found


def lines(result: Mapping[str, Any]) -> list[tuple[str, str, str]]:
  """Benchmark, metric and value of each row of a table."""
  told = next(iter(result["results"].values()))
  found = []
  for name, metric, value in values(result):
    kind, _, filtered = metric.partition(" ")
    stderr = told[f"{kind}_stderr,{filtered or 'none'}"]
    found.append((name, metric, f"{value:.4f}" + ("" if stderr is None else f" ± {stderr:.4f}")))
  return found


def _parts(metric: str) -> tuple[str, str]:
  kind, _, filtered = metric.partition(",")
  return kind, filtered or "none"


def _hash(value: Any) -> str:
  return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
