"""ROUGE: words, pairs of words and the longest subsequence that two texts share, as F1.

By the library rouge-score with Porter's stemmer, which is within 0.35 points of ROUGE-1.5.5 on the
published summaries of XSum.
"""

import functools
from typing import Any

from codegen_jax.errors import InputError

METRICS = ("rouge1", "rouge2", "rougeL")


def score(reference: str, answer: str) -> dict[str, float]:
  """Each metric, between 0 and 1.

  Raises:
    InputError: the library is not installed.
  """
  return {name: float(one.fmeasure) for name, one in _scorer().score(reference, answer).items()}


@functools.cache
def _scorer() -> Any:
  try:
    from rouge_score import rouge_scorer
  except ImportError as error:
    raise InputError(
      "ROUGE is computed by rouge-score, which is not installed; run pip install rouge-score==0.1.2"
    ) from error
  return rouge_scorer.RougeScorer([*METRICS], use_stemmer=True)
