"""UL2: a mixture of denoisers, each with a token that says which it is (2205.05131)."""

from collections.abc import Sequence
import dataclasses
import functools
from typing import Literal

import numpy as np

from codegen_jax.data import special_tokens
from codegen_jax.data.objectives.combine import Choose, PerFile
from codegen_jax.data.objectives.example import Example, Objective
from codegen_jax.data.objectives.language_models import PrefixLM
from codegen_jax.data.objectives.sentinels import Vocabulary
from codegen_jax.data.objectives.span_corruption import T5, SpanCorruption
from codegen_jax.data.objectives.spans import FixedMeanSpans
from codegen_jax.errors import InputError

# No published vocabulary of CodeGen has [R], [S] or [X]; CodeGen2's has four tokens without a use.
MODES = {mode: special_tokens.dummy(i) for i, mode in enumerate("RSX")}


@dataclasses.dataclass(frozen=True)
class Denoiser:
  """R: few short spans.  X: many spans, or long ones.  S: the end of the text, one span."""

  mode: Literal["R", "S", "X"]
  ratio: float
  mean: float | None = None

  def __post_init__(self):
    if self.mode not in MODES or (self.mean is None) != (self.mode == "S"):
      raise InputError(
        f"{self} is no denoiser of UL2; its mode is R, S or X, and S alone has no mean span length"
      )


# Table 1 of the paper.  Its S has one span of a quarter of the text, at the end.
ORIGINAL = (
  Denoiser("R", 0.15, 3.0),
  Denoiser("R", 0.15, 8.0),
  Denoiser("S", 0.25),
  Denoiser("X", 0.5, 3.0),
  Denoiser("X", 0.5, 8.0),
  Denoiser("X", 0.15, 64.0),
  Denoiser("X", 0.5, 64.0),
)

# CodeGen2's, which "leaves more tokens in the loss", is not published in numbers: these are ours.
MODIFIED = (
  Denoiser("S", 0.75),
  Denoiser("X", 0.5, 3.0),
  Denoiser("X", 0.5, 8.0),
  Denoiser("X", 0.5, 64.0),
)


def ul2(
  vocabulary: Vocabulary, denoisers: Sequence[Denoiser] = ORIGINAL, *, mode_tokens: bool = True
) -> Choose:
  """A row goes to one of the denoisers, all as often, which takes each of its documents by itself.

      X   [<dummy_2> a <mask_1> d </s>] <mask_1> b c </s>
      S   [<dummy_1> a b c] d </s>

  Only what follows [ ] is scored, whichever way it is read.  Without mode tokens a document begins
  with its text.
  """

  def objective(denoiser: Denoiser) -> Objective:
    if denoiser.mean is None:
      made: Objective = PrefixLM(scored=denoiser.ratio)
    else:
      spans = FixedMeanSpans(denoiser.ratio, denoiser.mean)
      made = SpanCorruption(vocabulary, spans, T5, score_text=False)
    return PerFile(Begin(vocabulary, MODES[denoiser.mode], made) if mode_tokens else made)

  return Choose(tuple(map(objective, denoisers)), (1.0,) * len(denoisers))


@dataclasses.dataclass(frozen=True)
class Begin(Objective):
  """Puts a token before what another objective makes:   a b  ->  [<dummy_0>] a b

  It is never scored, and belongs to the prefix.

  Attributes:
    first: whether the token that follows it is scored, which has nothing before it otherwise.
  """

  vocabulary: Vocabulary = dataclasses.field(repr=False)
  token: str
  objective: Objective
  first: bool = True

  @functools.cached_property
  def _id(self) -> int:
    return self.vocabulary.special_id(self.token)

  def __call__(self, example: Example, rng: np.random.Generator) -> Example:
    if example.room < 1 or not len(example.tokens):
      return example.left(len(example.tokens), "its row has no room")
    made = self.objective(dataclasses.replace(example, room=example.room - 1), rng)
    loss_mask = _before(False, made.loss_mask)
    loss_mask[1:2] &= self.first
    return dataclasses.replace(
      made,
      tokens=_before(self._id, made.tokens),
      loss_mask=loss_mask,
      prefix_mask=_before(True, made.prefix_mask),
      segment_ids=_before(made.segment_ids[0], made.segment_ids),
    )

  def growth(self, num_tokens: int, documents: int = 1) -> int:
    return 1 + self.objective.growth(num_tokens, documents)

  def check(self, num_tokens: int, documents: int = 1) -> None:
    _ = self._id
    self.objective.check(num_tokens, documents)


@dataclasses.dataclass(frozen=True)
class Beside(Objective):
  """Leaves the room that `Begin` takes, and puts nothing there: rows of both are cut alike."""

  objective: Objective

  def __call__(self, example: Example, rng: np.random.Generator) -> Example:
    room = max(example.room - 1, 0)
    return self.objective(dataclasses.replace(example, room=room), rng)

  def growth(self, num_tokens: int, documents: int = 1) -> int:
    return 1 + self.objective.growth(num_tokens, documents)

  def check(self, num_tokens: int, documents: int = 1) -> None:
    self.objective.check(num_tokens, documents)


def _before(value: int | bool | np.integer, values: np.ndarray) -> np.ndarray:
  return np.concatenate((np.array([value], values.dtype), values))
