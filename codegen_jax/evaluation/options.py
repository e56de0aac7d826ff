"""Which of its own options a model finds likeliest, for questions asked in several templates.

A document `cb/validation:7@3` asks about the example `validation:7` of `cb` in template 3.
"""

from collections.abc import Iterator, Mapping
import statistics
from typing import Any

import numpy as np

from codegen_jax.data.pipeline import Reader
from codegen_jax.errors import InputError
from codegen_jax.evaluation import classification
from codegen_jax.evaluation.classification import Asked
from codegen_jax.evaluation.perplexity import Score

Said = dict[str, tuple[str, str]]  # of each document what was said, and what is right


def measure(reader: Reader, score: Score, *, max_documents: int = 0) -> dict[str, Any]:
  """Accuracy of each data set and template, and what was said of each document.

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
  for number, (path, options) in enumerate(asked.items()):
    values = np.array([nats[number][option] for option in range(len(options))])
    lengths = np.array([sizes[option].sum() for option in options])
    texts = [
      reader.vocabulary.to_bytes(option).decode("utf-8", "replace").strip() for option in options
    ]
    said[path] = texts[int(values.argmin())], texts[-1]
    said_of_bytes[path] = texts[int((values / lengths).argmin())], texts[-1]
  by_dataset = {name: _of_templates(of) for name, of in _parted(said, by="/").items()}
  return {
    "metrics": _metrics(by_dataset, said_of_bytes),
    "counts": {"documents": len(said), "datasets": len(by_dataset)},
    "datasets": by_dataset,
    "documents": {path: list(pair) for path, pair in said.items()},
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


def _metrics(by_dataset: Mapping[str, Any], said_of_bytes: Said) -> dict[str, float]:
  """Means over data sets, each of which counts alike however many examples it has."""
  of_bytes = {
    name: _of_templates(of)["mean"] for name, of in _parted(said_of_bytes, by="/").items()
  }

  def over(name: str) -> float:
    return statistics.fmean(one[name] for one in by_dataset.values())

  return {
    "accuracy": over("mean"),
    "accuracy_per_byte": statistics.fmean(of_bytes.values()),
    "best_template": over("best"),
    "template_spread": over("spread"),
  }


def _of_templates(said: Said) -> dict[str, Any]:
  """Mean, best and standard deviation of the templates' accuracies, and each of them."""
  by_template = {
    name: statistics.fmean(float(told == right) for told, right in of.values())
    for name, of in sorted(_parted(said, by="@", last=True).items())
  }
  values = [*by_template.values()]
  return {
    "mean": statistics.fmean(values),
    "best": max(values),
    "spread": statistics.pstdev(values),
    "documents": len(said),
    "templates": by_template,
  }


def _parted(said: Said, *, by: str, last: bool = False) -> dict[str, Said]:
  """By what stands before the first mark, or behind the last one."""
  parts: dict[str, Said] = {}
  for path, pair in said.items():
    name = path.rpartition(by)[2] if last else path.partition(by)[0]
    parts.setdefault(name, {})[path] = pair
  return parts
