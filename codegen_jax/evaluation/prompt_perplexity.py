"""How surprising the prompts are of problems that a model solves, and of those that it does not.

Section 3.3 of CodeGen (arXiv 2203.13474): the clearer an intent, the likelier its program is right.
"""

from collections.abc import Mapping, Sequence
import math

import numpy as np

from codegen_jax.evaluation import pass_at_k
from codegen_jax.evaluation.pass_at_k import Estimate
from codegen_jax.inference.language_model import LanguageModel
from codegen_jax.inference.likelihood import Pair


def perplexities(
  model: LanguageModel, asked: Mapping[str, Sequence[Pair]], *, batch_size: int
) -> dict[str, float]:
  """The exponential of the mean nats over all tokens asked in a problem.

  Args:
    model: that is asked.
    asked: of each problem, ids of what precedes and ids of what is asked, for each turn.
    batch_size: pairs at once.
  """
  pairs = [pair for of_problem in asked.values() for pair in of_problem]
  answers = iter(model.log_likelihood(pairs, batch_size=batch_size))
  found = {}
  for name, of_problem in asked.items():
    nats = np.concatenate([next(answers).nats for _ in of_problem])
    found[name] = math.exp(float(nats.mean(dtype=np.float64)))
  return found


def by_outcome(perplexity: Mapping[str, float], passed: Mapping[str, bool]) -> dict[str, Estimate]:
  """Mean over problems that passed (any sample did) and over those that did not; none is left out.

  A group without problems is not there.
  """
  groups: dict[str, list[float]] = {"pass": [], "non-pass": []}
  for name, value in perplexity.items():
    groups["pass" if passed[name] else "non-pass"].append(value)
  return {
    f"prompt_perplexity,{group}": pass_at_k.mean(values)
    for group, values in groups.items()
    if values
  }
