"""Pairs of questions and answers as tokens: a text, what is asked of it, <sep>, the answer.

Of a `Choice` the wrong answers stand before the right one:   a b <sep> wrong <sep> right
"""

from collections.abc import Callable, Iterator
import dataclasses
import functools
import itertools
from typing import Any

from jaxtyping import Int32
import numpy as np

from codegen_jax.data import special_tokens
from codegen_jax.data.objectives import Answer, PerFile
from codegen_jax.data.pairs import Choice, Pair
from tasks import build, sources

PROMPT = 20  # tokens
BATCH = 10_000  # pairs for the tokenizer at once

Ids = Int32[np.ndarray, " n"]


@dataclasses.dataclass(frozen=True)
class PairSource(sources.Source):
  """A collection of pairs under a vocabulary.

  Attributes:
    longest: tokens of a text that are read; what is asked of it follows whole.
    inputs: tokens of a text and of what is asked, together; 0 sets no limit.
    answers: tokens of an answer, its end among them; 0 sets no limit.
  """

  corpus: Callable[[], Any]  # `Pairs`, which has what a corpus has, with pairs for documents
  longest: int = 1024
  inputs: int = 0
  answers: int = 0

  @property
  def _told(self) -> str:
    limits = f" {self.inputs} {self.answers}" if self.inputs or self.answers else ""
    return f" pairs {self.longest}{limits}"

  def _tokenised(self, corpus: Any, split: str) -> Iterator[tuple[str, Int32[np.ndarray, " n"]]]:
    pairs: Iterator[Pair] = iter(corpus.split(split))
    while batch := list(itertools.islice(pairs, BATCH)):
      texts, questions, answers = (
        self.vocabulary.encode_batch([getattr(pair, name) for pair in batch])
        for name in ("text", "question", "answer")
      )
      others = self._others(batch)
      for pair, text, question, answer in zip(batch, texts, questions, answers, strict=True):
        told = self._separated([*next(others), answer])
        yield pair.path, np.concatenate((*self._asked(text, question), *told))

  def _asked(self, text: Ids, question: Ids) -> tuple[Ids, Ids]:
    """As much as may be read of both, the question before the text."""
    longest = self.longest
    if self.inputs:
      question = question[-self.inputs :]
      longest = min(longest, self.inputs - len(question))
    return text[:longest], question

  def _others(self, batch: list[Pair]) -> Iterator[list[Ids]]:
    """The wrong answers of each pair."""
    wrong = [pair.others if isinstance(pair, Choice) else () for pair in batch]
    encoded = iter(self.vocabulary.encode_batch([one for others in wrong for one in others]))
    for others in wrong:
      yield list(itertools.islice(encoded, len(others)))

  def _separated(self, answers: list[Ids]) -> Iterator[Ids]:
    between = np.array([self.vocabulary.special_id(special_tokens.SEP)], np.int32)
    for answer in answers:
      yield between
      yield answer[: self.answers - 1] if self.answers else answer  # </s> follows


def add_answers(name: str, source: PairSource, *, labels: tuple[str, ...] = ()) -> None:
  """Registers `<name>_answer`, and for a bidirectional model `<name>_hidden_answer`.

  `<name>_prompted_answer` has 20 tokens before each question, for prompt tuning.

  Args:
    name: of the collection.
    source: its pairs.
    labels: what an answer may be, where it is one of few.
  """
  said = tuple(f" {label}" for label in labels)
  answer = functools.partial(Answer, source.vocabulary, said)
  tasks = {"": answer(), "hidden_": answer(hidden=True), "prompted_": answer(prompt=PROMPT)}
  for kind, objective in tasks.items():
    build.add_task(f"{name}_{kind}answer", source, PerFile(objective), level="whole")
