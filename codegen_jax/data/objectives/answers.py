"""Questions and their answers: an answer is scored, given its question."""

import dataclasses
import functools

import numpy as np

from codegen_jax.data import special_tokens
from codegen_jax.data.objectives.example import Example, Objective
from codegen_jax.data.objectives.sentinels import Vocabulary
from codegen_jax.errors import InputError


@dataclasses.dataclass(frozen=True)
class Answer(Objective):
  """Asks for what stands behind a document's last <sep>, and takes that token out.

      document   a b <sep> c </s>
      Answer     [a b] c </s>         c and </s> are scored, [ ] may be read both ways
      in place   a b <mask_1>         c is asked for where <mask_1> stands

  Use it inside `PerFile`, in a task whose documents are not cut (`level="whole"`).

  Args:
    vocabulary: of the documents.
    labels: what an answer may be, where it is one of few; what a model takes for the likeliest of
      them is counted when the task is evaluated.
    hidden: for bidirectional attention, which is asked for the answer's first token in its place.
  """

  vocabulary: Vocabulary = dataclasses.field(repr=False)
  labels: tuple[str, ...] = ()
  hidden: bool = False

  @property
  def in_place(self) -> bool:
    return self.hidden

  @functools.cached_property
  def separator(self) -> int:
    return self.vocabulary.special_id(special_tokens.SEP)

  def __call__(self, example: Example, rng: np.random.Generator) -> Example:
    del rng
    places = np.flatnonzero(example.tokens == self.separator)
    if not len(places):
      nothing = np.zeros_like(example.loss_mask)
      answers = example.tokens if self.hidden else None
      left = dataclasses.replace(example, loss_mask=nothing, answers=answers)
      return left.left(len(example.tokens), "it has no answer")
    return self.of(example, int(places[-1]), example.tokens[places[-1] + 1 :])

  def of(self, example: Example, end: int, answer: np.ndarray) -> Example:
    """The question before `end` with this answer."""
    question = example.tokens[:end]
    told = self.vocabulary.mask_ids()[:1] if self.hidden else answer
    tokens = np.concatenate((question, told)).astype(example.tokens.dtype)
    is_answer = np.arange(len(tokens)) >= end
    return Example(
      tokens,
      loss_mask=is_answer,
      prefix_mask=~is_answer,
      segment_ids=np.full(len(tokens), example.segment_ids[0]),
      answers=np.concatenate((question, answer[:1])) if self.hidden else None,
      room=example.room + len(example.tokens) - len(tokens),
      changes=example.changed(len(example.tokens), np.array([len(told)])),
    )

  def check(self, num_tokens: int, documents: int = 1) -> None:
    _ = self.separator
    if self.hidden and not len(self.vocabulary.mask_ids()):
      raise InputError("the vocabulary has no <mask_1>, which hides an answer; train one that has")
