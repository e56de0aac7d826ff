"""A benchmark whose completions are compared with what people wrote.

completions.jsonl   made by the model, added as they come; a rerun goes on
samples.jsonl       what was compared, and how alike it is; made anew each time
"""

from collections.abc import Sequence
import dataclasses
import json
import pathlib
from typing import Any

from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.evaluation import by_template, generation, pass_at_k
from codegen_jax.evaluation.benchmark import Comparison, Problem
from codegen_jax.evaluation.generation import COMPLETIONS, GenerationConfig, key
from codegen_jax.evaluation.pass_at_k import Estimate
from codegen_jax.evaluation.records import Records
from codegen_jax.files import write_text
from codegen_jax.inference.language_model import LanguageModel


def run(
  benchmark: Comparison,
  problems: Sequence[Problem],
  model: LanguageModel,
  vocabulary: ByteLevelBPE,
  config: GenerationConfig,
  folder: pathlib.Path,
) -> tuple[dict[str, Estimate], dict[str, Any]]:
  """Each metric over all problems, and what else the results say; one greedy completion each."""
  greedy = dataclasses.replace(config, samples=1, temperatures=(0.0,), k=(1,))
  generation.complete(benchmark, problems, model, vocabulary, greedy, folder)
  with Records(folder / COMPLETIONS, key) as made:
    rows = [made.rows[0.0, problem.id, 0] for problem in problems]
  answers = [
    benchmark.cut(problem, row["completion"]) for problem, row in zip(problems, rows, strict=True)
  ]
  scores = [benchmark.score(*pair) for pair in zip(problems, answers, strict=True)]
  compared = [
    {"task_id": problem.id, "completion": answer, **score}
    for problem, answer, score in zip(problems, answers, scores, strict=True)
  ]
  write_text(folder / "samples.jsonl", "".join(json.dumps(row) + "\n" for row in compared))
  metrics = {name: pass_at_k.mean([score[name] for score in scores]) for name in benchmark.metrics}
  # Of problems that are asked in several templates, each of them too.
  parts = {
    problem.id: score[benchmark.metrics[0]] for problem, score in zip(problems, scores, strict=True)
  }
  tables = by_template.tables(parts) if all("@" in name for name in parts) else None
  return metrics, {
    **({"datasets": tables} if tables else {}),
    "n_shot": benchmark.n_shot,
    "stop_strings": list(benchmark.stop_strings),
    "samples": 1,
    "temperatures": [0.0],
    "unfinished": sum(row["ended"] == "length" for row in rows) / len(rows),
  }
