"""What a model is asked to learn from a document: each objective maps an example to an example."""

from collections.abc import Callable
import dataclasses

from jaxtyping import Bool, Int
import numpy as np


@dataclasses.dataclass(frozen=True)
class Example:
  """One document, or a row of several, before it is shifted and padded.

  tokens       what there is to read
  loss_mask    which tokens are scored when they are predicted
  prefix_mask  which tokens belong to a prefix that may be read both ways
  segment_ids  1, 2, ... number the documents
  """

  tokens: Int[np.ndarray, " n"]
  loss_mask: Bool[np.ndarray, " n"]
  prefix_mask: Bool[np.ndarray, " n"]
  segment_ids: Int[np.ndarray, " n"]

  @classmethod
  def plain(cls, tokens: Int[np.ndarray, " n"], segment_ids: Int[np.ndarray, " n"]) -> "Example":
    """Every token scored, no prefix: what an objective is handed."""
    n = len(tokens)
    return cls(tokens, np.ones(n, bool), np.zeros(n, bool), segment_ids)


Objective = Callable[[Example, np.random.Generator], Example]


@dataclasses.dataclass(frozen=True)
class CausalLM:
  """a b c d  ->  a b c d: every token is predicted from what comes before it."""

  def __call__(self, example: Example, rng: np.random.Generator) -> Example:
    return example


@dataclasses.dataclass(frozen=True)
class PrefixLM:
  """a b c d e  ->  [a b] c d e: a prefix that is read both ways, then tokens that are scored.

  The split falls uniformly in 1 .. n - 1, so on average half of the tokens are scored.  (CodeGen2,
  section 2.1; T5's `prefix_lm`.)
  """

  def __call__(self, example: Example, rng: np.random.Generator) -> Example:
    n = len(example.tokens)
    split = int(rng.integers(1, n)) if n > 1 else 0
    prefix_mask = np.arange(n) < split
    return dataclasses.replace(
      example, prefix_mask=prefix_mask, loss_mask=example.loss_mask & ~prefix_mask
    )


@dataclasses.dataclass(frozen=True)
class PerFile:
  """Keeps an objective inside each document of a row, in order, with noise of its own for each."""

  objective: Objective

  def __call__(self, example: Example, rng: np.random.Generator) -> Example:
    starts = np.flatnonzero(np.diff(example.segment_ids, prepend=-1))
    if len(starts) < 2:
      return self.objective(example, rng)
    parts = [
      self.objective(_part(example, slice(start, stop)), rng)
      for start, stop in zip(starts, [*starts[1:], len(example.tokens)], strict=True)
    ]
    fields = (field.name for field in dataclasses.fields(Example))
    return Example(**{f: np.concatenate([getattr(part, f) for part in parts]) for f in fields})


def _part(example: Example, where: slice) -> Example:
  fields = (field.name for field in dataclasses.fields(Example))
  return Example(**{field: getattr(example, field)[where] for field in fields})
