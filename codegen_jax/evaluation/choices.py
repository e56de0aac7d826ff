"""Questions with several answers, of which the likeliest is taken."""

from collections.abc import Sequence

import numpy as np

from codegen_jax.evaluation.benchmark import Question
from codegen_jax.inference.requests import Likelihood


def question(id: str, context: str, answers: Sequence[str], *, right: int) -> Question:
  """Each answer follows the context and a space."""
  facts = {"right": right, "characters": [len(answer) for answer in answers]}
  return Question(id, tuple((context, f" {answer}") for answer in answers), facts)


def judge(question: Question, likelihoods: Sequence[Likelihood]) -> dict[str, float]:
  """acc: the right answer is the likeliest.  acc_norm: it is, for each character of it."""
  totals = -np.array([one.nats.sum(dtype=np.float64) for one in likelihoods])
  normed = totals / np.array(question.facts["characters"], np.float64)
  right = question.facts["right"]
  return {
    "acc": float(totals.argmax() == right),
    "acc_norm": float(normed.argmax() == right),
  }
