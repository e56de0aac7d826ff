"""Which of its own options a model finds likeliest, for questions asked in several templates."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from codegen_jax.data.pipeline import Reader
from codegen_jax.errors import InputError
from codegen_jax.evaluation import by_template, classification
from codegen_jax.evaluation.classification import Asked
from codegen_jax.evaluation.perplexity import Score

Said = dict[str, tuple[str, str]]  # of each document what was said, and what is right


def measure(reader: Reader, score: Score, *, max_documents: int = 0) -> dict[str, Any]:
  """Accuracy of each data set and template, what was said, and what the right answer costs.

  Accuracy moves when another option becomes the likeliest, bits of the right answer before that.

  Args:
    reader: of tasks whose questions have `choices`.
    score: batch -> nats of each target, and which targets count.
    max_documents: at most so many of each task, spread evenly; 0 is all.
  """
  asked: dict[str, list[np.ndarray]] = {}
  nats = classification.nats(_asked(reader, max_documents, asked), reader, score)
  sizes = np.asarray(reader.vocabulary.token_num_bytes())
  said: Said = {}
  said_of_bytes: Said = {}
  right_answers: dict[str, list[float]] = {}  # of each document [bits, bytes]
  for number, (path, options) in enumerate(asked.items()):
    values = np.array([nats[number][option] for option in range(len(options))])
    lengths = np.array([sizes[option].sum() for option in options])
    texts = [
      reader.vocabulary.to_bytes(option).decode("utf-8", "replace").strip() for option in options
    ]
    said[path] = texts[int(values.argmin())], texts[-1]
    said_of_bytes[path] = texts[int((values / lengths).argmin())], texts[-1]
    right_answers[path] = [float(values[-1] / np.log(2)), int(lengths[-1])]
  right = {path: float(told == answer) for path, (told, answer) in said.items()}
  of_bytes = {path: float(told == answer) for path, (told, answer) in said_of_bytes.items()}
  datasets = by_template.tables(right)
  return {
    "metrics": {
      "accuracy": by_template.over(datasets, "mean"),
      "accuracy_per_byte": by_template.over(by_template.tables(of_bytes), "mean"),
      "best_template": by_template.over(datasets, "best"),
      "template_spread": by_template.over(datasets, "spread"),
      "bits_per_byte": float(np.divide(*np.sum([*right_answers.values()], axis=0))),
    },
    "counts": {"documents": len(said), "datasets": len(datasets)},
    "datasets": datasets,
    "documents": {path: list(pair) for path, pair in said.items()},
    "right_answers": right_answers,
  }


def _asked(
  reader: Reader, max_documents: int, asked: dict[str, list[np.ndarray]]
) -> Iterator[Asked]:
  """Every question with every option; notes the options, of which the right one is last."""
  for number, (answer, path, example) in enumerate(reader.questions(max_documents)):
    options, end = answer.answers(example), answer.end(example)
    if len(options) < 2:
      raise InputError(f"{path} has no options to choose from; give it some, or leave it out")
    asked[path] = options
    for option, ids in enumerate(options):
      yield Asked(number, option, answer.of(example, end, ids))
