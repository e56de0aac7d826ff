"""Questions and their answers: an answer is scored, given its question."""

import dataclasses
import functools

from jaxtyping import Int
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
      prompt     [<mask_3> <mask_2> a b] c </s>
      choices    of   a b <sep> wrong <sep> c </s>   the same as above

  Use it inside `PerFile`, in a task whose documents are not cut (`level="whole"`).

  Args:
    vocabulary: of the documents.
    labels: what an answer may be, where it is one of few; what a model takes for the likeliest of
      them is counted when the task is evaluated.
    hidden: for bidirectional attention, which is asked for the answer's first token in its place.
    prompt: so many tokens stand before every question, whose embeddings prompt tuning learns
      (2104.08691): the vocabulary's last masks, which no other objective is likely to need.
    choices: wrong answers stand before the right one, each behind a <sep>; what a model takes for
      the likeliest of all is counted when the task is evaluated.
  """

  vocabulary: Vocabulary = dataclasses.field(repr=False)
  labels: tuple[str, ...] = ()
  hidden: bool = False
  prompt: int = 0
  choices: bool = False

  def __post_init__(self):
    if self.prompt < 0:
      raise InputError(f"Answer has prompt={self.prompt}; it is a number of tokens, at least 0")

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
    return self.of(example, self.end(example), example.tokens[places[-1] + 1 :])

  def end(self, example: Example) -> int:
    """Where the question of an example ends."""
    places = np.flatnonzero(example.tokens == self.separator)
    return int(places[0 if self.choices else -1])

  def answers(self, example: Example) -> list[np.ndarray]:
    """What stands behind each <sep>: the right answer is the last one, here without its end."""
    tokens = example.tokens[:-1]
    _, *behind = np.split(tokens, np.flatnonzero(tokens == self.separator))
    return [part[1:] for part in behind]

  def of(self, example: Example, end: int, answer: np.ndarray) -> Example:
    """The question before `end` with this answer."""
    question = np.concatenate((self.prompt_ids, example.tokens[:end]))
    told = self.vocabulary.mask_ids()[:1] if self.hidden else answer
    tokens = np.concatenate((question, told)).astype(example.tokens.dtype)
    is_answer = np.arange(len(tokens)) >= len(question)
    return Example(
      tokens,
      loss_mask=is_answer,
      prefix_mask=~is_answer,
      segment_ids=np.full(len(tokens), example.segment_ids[0]),
      answers=np.concatenate((question, answer[:1])) if self.hidden else None,
      room=example.room + len(example.tokens) - len(tokens),
      changes=example.changed(len(example.tokens), np.array([len(told)])),
    )

  @functools.cached_property
  def prompt_ids(self) -> Int[np.ndarray, " prompt"]:
    """Consecutive, in rising order."""
    masks = np.sort(self.vocabulary.mask_ids())
    return masks[: self.prompt].astype(np.int32)

  def growth(self, num_tokens: int, documents: int = 1) -> int:
    return documents * (self.prompt - 1)

  def check(self, num_tokens: int, documents: int = 1) -> None:
    _ = self.separator
    masks = len(self.vocabulary.mask_ids())
    if self.hidden and not masks:
      raise InputError("the vocabulary has no <mask_1>, which hides an answer; train one that has")
    if self.prompt + self.hidden > masks:
      raise InputError(
        f"a prompt of {self.prompt} tokens needs as many masks, and the vocabulary has {masks};"
        " shorten it, or train a vocabulary that has more"
      )
