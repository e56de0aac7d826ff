"""How surprising the prompts are of problems that a model solves, and of those that it does not.

Section 3.3 of CodeGen (arXiv 2203.13474): the clearer an intent, the likelier its program is right.
"""

from collections.abc import Iterator, Mapping, Sequence
import math
import pathlib

import numpy as np

from codegen_jax.countdown import Countdown
from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.errors import InputError
from codegen_jax.evaluation import dialogue, pass_at_k
from codegen_jax.evaluation.benchmark import Dialogue, Judged, Problem
from codegen_jax.evaluation.generation import GenerationConfig
from codegen_jax.evaluation.pass_at_k import Estimate
from codegen_jax.evaluation.records import Records
from codegen_jax.inference.language_model import LanguageModel
from codegen_jax.inference.likelihood import Pair

AT_ONCE = 64  # prompts between two looks at how far it is
LARGEST = 700.0  # nats, of which exp is still a number


def measure(
  benchmark: Judged,
  problems: Sequence[Problem],
  model: LanguageModel,
  vocabulary: ByteLevelBPE,
  config: GenerationConfig,
  folder: pathlib.Path,
  solved: Mapping[tuple[float, str], bool],
) -> tuple[dict[str, Estimate], dict[str, dict[str, float]]]:
  """Both means at each temperature, and each problem's; of prompts that are no text, nothing.

  Where later prompts follow the model's own answers, a problem's tokens are those of all samples.

  Returns:
    Metrics, and {"t=0.2": {problem: perplexity}}.
  """
  metrics: dict[str, Estimate] = {}
  of_problems: dict[str, dict[str, float]] = {}
  for temperature in config.temperatures:
    asked, ids = {}, {}
    for problem, name, pairs in _asked(
      benchmark, problems, vocabulary, config, temperature, folder
    ):
      asked[name], ids[name] = pairs, problem.id
    if all(asked.values()):
      found = perplexities(model, asked, folder, batch_size=config.batch_size)
      label = f"t={temperature:g}"
      of_problems[label] = {ids[name]: value for name, value in found.items()}
      passed = {problem: solved[temperature, problem] for problem in ids.values()}
      metrics |= by_outcome(of_problems[label], passed, label=label)
  return metrics, of_problems


def _asked(
  benchmark: Judged,
  problems: Sequence[Problem],
  vocabulary: ByteLevelBPE,
  config: GenerationConfig,
  temperature: float,
  folder: pathlib.Path,
) -> Iterator[tuple[Problem, str, list[Pair]]]:
  """Each problem, what its prompts are called, and their pairs."""
  if not isinstance(benchmark, Dialogue):
    for problem in problems:
      yield problem, problem.id, benchmark.asked(problem, vocabulary, ())
    return
  with Records(folder / dialogue.TURNS, dialogue.turn_key) as made:
    for problem in problems:
      pairs = []
      for sample in range(config.samples):
        rows = dialogue.answers(benchmark, problem, temperature, sample, made)
        pairs += benchmark.asked(problem, vocabulary, [row["completion"] for row in rows])
      yield problem, f"{problem.id} t={temperature:g} n={config.samples}", pairs


def perplexities(
  model: LanguageModel,
  asked: Mapping[str, Sequence[Pair]],
  folder: pathlib.Path,
  *,
  batch_size: int,
) -> dict[str, float]:
  """Of each problem, the exponential of the mean nats over all its tokens.

  Args:
    model: that is asked.
    asked: of each problem, ids of what precedes and ids of what is asked, for every turn of every
      sample.
    folder: what its prompts.jsonl has of them is not asked again.
    batch_size: pairs at once.

  Raises:
    InputError: the model's numbers are no numbers.
  """
  with Records(folder / "prompts.jsonl", lambda row: row["problem"]) as told:
    left = [name for name in asked if name not in told.rows]
    countdown = Countdown("perplexity of prompts", len(left))
    for first in range(0, len(left), AT_ONCE):
      part = left[first : first + AT_ONCE]
      pairs = [pair for name in part for pair in asked[name]]
      answers = iter(model.log_likelihood(pairs, batch_size=batch_size))
      for name in part:
        nats = np.concatenate([next(answers).nats for _ in asked[name]]).astype(np.float64)
        if not nats.mean() < LARGEST:
          raise InputError(
            f"step {model.step} finds the prompt of {name} not finitely likely, so its weights have"
            " diverged; evaluate an earlier checkpoint"
          )
        told.add({"problem": name, "nats": float(nats.sum()), "tokens": len(nats)})
      countdown.add(len(part))
    rows = {name: told.rows[name] for name in asked}
  return {name: math.exp(row["nats"] / row["tokens"]) for name, row in rows.items()}


def by_outcome(
  perplexity: Mapping[str, float], passed: Mapping[str, bool], *, label: str
) -> dict[str, Estimate]:
  """Mean over the problems that passed, by any of their samples, and over those that did not.

  A group without problems is not there.
  """
  groups: dict[str, list[float]] = {"pass": [], "non-pass": []}
  for name, value in perplexity.items():
    groups["pass" if passed[name] else "non-pass"].append(value)
  return {
    f"prompt_perplexity,{group} {label}": pass_at_k.mean(values)
    for group, values in groups.items()
    if values
  }
