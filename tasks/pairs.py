"""Pairs of questions and answers as tokens: a text, what is asked of it, <sep>, the answer."""

from collections.abc import Callable, Iterator
import dataclasses
import functools
import itertools
from typing import Any

from jaxtyping import Int32
import numpy as np

from codegen_jax.data import special_tokens
from codegen_jax.data.objectives import Answer, PerFile
from codegen_jax.data.pairs import Pair
from tasks import build, sources

PROMPT = 20  # tokens
BATCH = 10_000  # pairs for the tokenizer at once


@dataclasses.dataclass(frozen=True)
class PairSource(sources.Source):
  """A collection of pairs under a vocabulary.

  Attributes:
    longest: tokens of a text that are read; what is asked of it follows whole.
  """

  corpus: Callable[[], Any]  # `Pairs`, which has what a corpus has, with pairs for documents
  longest: int = 1024

  @property
  def _told(self) -> str:
    return f" pairs {self.longest}"

  def _tokenised(self, corpus: Any, split: str) -> Iterator[tuple[str, Int32[np.ndarray, " n"]]]:
    between = np.array([self.vocabulary.special_id(special_tokens.SEP)], np.int32)
    pairs: Iterator[Pair] = iter(corpus.split(split))
    while batch := list(itertools.islice(pairs, BATCH)):
      texts, questions, answers = (
        self.vocabulary.encode_batch([getattr(pair, name) for pair in batch])
        for name in ("text", "question", "answer")
      )
      for pair, text, question, answer in zip(batch, texts, questions, answers, strict=True):
        yield pair.path, np.concatenate((text[: self.longest], question, between, answer))


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
