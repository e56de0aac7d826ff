"""A benchmark that is answered by how likely given continuations are."""

from collections.abc import Sequence
import math
import pathlib

import numpy as np

from codegen_jax.countdown import Countdown
from codegen_jax.data.special_tokens import END_OF_TEXT
from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.errors import InputError
from codegen_jax.evaluation import pass_at_k
from codegen_jax.evaluation.benchmark import Question, Ranking
from codegen_jax.evaluation.pass_at_k import Estimate
from codegen_jax.evaluation.records import Records
from codegen_jax.inference.language_model import LanguageModel
from codegen_jax.inference.likelihood import Pair

AT_ONCE = 64  # questions between two looks at how far it is
PERPLEXITY = "perplexity"  # the one metric that is exp of a mean, and no mean


def run(
  benchmark: Ranking,
  questions: Sequence[Question],
  model: LanguageModel,
  vocabulary: ByteLevelBPE,
  folder: pathlib.Path,
  *,
  batch_size: int,
) -> dict[str, Estimate]:
  """Each metric over all questions; what `folder` has of them is not asked again.

  Raises:
    InputError: the model's numbers are no numbers.
  """
  with Records(folder / "questions.jsonl", lambda row: row["id"]) as asked:
    left = [question for question in questions if question.id not in asked.rows]
    countdown = Countdown(f"{benchmark.name}  questions", len(left))
    for first in range(0, len(left), AT_ONCE):
      part = left[first : first + AT_ONCE]
      pairs = [encode(vocabulary, *pair) for question in part for pair in question.pairs]
      answers = iter(model.log_likelihood(pairs, batch_size=batch_size))
      for question in part:
        likelihoods = [next(answers) for _ in question.pairs]
        if not all(np.isfinite(one.nats).all() for one in likelihoods):
          raise InputError(
            f"step {model.step} finds an answer of {benchmark.name} {question.id} not finitely"
            " likely, so its weights have diverged; evaluate an earlier checkpoint"
          )
        asked.add({
          "id": question.id,
          "log_likelihood": [-float(one.nats.sum(dtype=np.float64)) for one in likelihoods],
          "is_greedy": [bool(one.is_greedy.all()) for one in likelihoods],
          **benchmark.judge(question, likelihoods),
        })  # fmt: skip
      countdown.add(len(part))
    rows = [asked.rows[question.id] for question in questions]
  return {name: estimate(name, [row[name] for row in rows]) for name in benchmark.metrics}


def encode(vocabulary: ByteLevelBPE, context: str, continuation: str) -> Pair:
  """The ids of both, as lm-eval splits them (`TemplateLM._encode_pair`).

  Spaces at the end of a context belong to the continuation, since tokens begin with a space.  The
  context has the ids that it has alone, and the continuation what both together have behind as
  many.  An empty context is <|endoftext|>.
  """
  bare = context.rstrip()
  context, continuation = bare, context[len(bare) :] + continuation
  whole, before = vocabulary.encode(context + continuation), vocabulary.encode(context)
  if not before:
    return (vocabulary.special_id(END_OF_TEXT),), tuple(whole)
  return tuple(before), tuple(whole[len(before) :])


def estimate(name: str, values: Sequence[float]) -> Estimate:
  """Of a metric by its name, over questions; of a perplexity the values are nats."""
  mean = pass_at_k.mean(values)
  if name != PERPLEXITY:
    return mean
  try:
    value = math.exp(mean.value)
  except OverflowError:
    raise InputError(
      f"a perplexity of e^{mean.value:.0f} is no number that can be written, so the weights have"
      " diverged; evaluate an earlier checkpoint"
    ) from None
  return Estimate(value, value * mean.stderr)  # to first order
