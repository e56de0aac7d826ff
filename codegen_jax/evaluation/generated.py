"""Any task of questions, answered freely: `generated_<task>`, compared with the right answers."""

from collections import Counter
from collections.abc import Iterator
import dataclasses
import functools
import re
import string

import seqio

from codegen_jax.data import mixture
from codegen_jax.data.objectives import Answer
from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.errors import InputError
from codegen_jax.evaluation.benchmark import Problem
from codegen_jax.inference.requests import Request
from codegen_jax.inference.settings import SamplingConfig

PREFIX = "generated_"
SPLIT = "validation"
NEW_TOKENS = 256
SHOTS = re.compile(r"_(\d+)shot")  # as tasks call what is asked after examples


@dataclasses.dataclass(frozen=True)
class Generated:
  """Greedy, up to the end of an answer.

  exact_match: but for capitals, punctuation and articles.  f1: of words, which SQuAD measures so.

  Attributes:
    name: `generated_` and a task or mixture of answers.
  """

  name: str
  version: int = 1
  metrics: tuple[str, ...] = ("exact_match", "f1")
  stop_strings: tuple[str, ...] = ()

  @property
  def n_shot(self) -> int:
    found = SHOTS.search(self.name)
    return int(found[1]) if found else 0

  def problems(self) -> list[Problem]:
    return [
      Problem(path, "", {"ids": ids, "answer": answer})
      for task in self._tasks
      for path, ids, answer in _asked(task)
    ]

  def request(self, problem: Problem, sample: int, vocabulary: ByteLevelBPE) -> Request:
    return Request(self.name, problem.id, sample, problem.facts["ids"])

  def ending(self, config: SamplingConfig, vocabulary: ByteLevelBPE) -> SamplingConfig:
    return dataclasses.replace(config, max_new_tokens=NEW_TOKENS)

  def cut(self, problem: Problem, completion: str) -> str:
    return completion.strip()

  def score(self, problem: Problem, answer: str) -> dict[str, float]:
    said, right = _words(answer), _words(problem.facts["answer"])
    both = (Counter(said) & Counter(right)).total()
    f1 = 2 * both / (len(said) + len(right)) if both else float(said == right)
    return {"exact_match": float(said == right), "f1": f1}

  def data_sha256(self) -> dict[str, str]:
    return {task.name: task.source.store(SPLIT).fingerprint for task in self._tasks}

  @functools.cached_property
  def _tasks(self) -> list[seqio.Task]:
    found, _ = mixture.resolve(self.name.removeprefix(PREFIX))
    for task in found:
      if not isinstance(getattr(task.source.objective, "objective", None), Answer):
        raise InputError(
          f"{self.name}: the task {task.name} asks for no answers; name one made of questions"
        )
    return found


def _asked(task: seqio.Task) -> Iterator[tuple[str, tuple[int, ...], str]]:
  """Path, ids of the question and text of the right answer, of each document."""
  source, vocabulary = task.source, mixture.vocabulary(task)
  objective = source.objective.objective
  for number, path in enumerate(source.store(SPLIT).paths):
    example = source.document(SPLIT, number)
    tokens = example.tokens[: objective.end(example)]
    question = (*objective.prompt_ids.tolist(), *tokens.tolist())
    right = vocabulary.to_bytes(objective.answers(example)[-1])
    yield path, question, right.decode("utf-8", "replace").strip()


def _words(text: str) -> list[str]:
  bare = text.lower().translate(str.maketrans("", "", string.punctuation))
  return [word for word in bare.split() if word not in ("a", "an", "the")]
