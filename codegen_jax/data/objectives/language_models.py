"""The two objectives that leave the text as it is: left to right, with and without a prefix."""

import dataclasses

import numpy as np

from codegen_jax.data.objectives.example import Example, Objective
from codegen_jax.errors import InputError


@dataclasses.dataclass(frozen=True)
class CausalLM(Objective):
  """a b c d  ->  a b c d: every token is predicted from what comes before it."""

  def __call__(self, example: Example, rng: np.random.Generator) -> Example:
    return example


@dataclasses.dataclass(frozen=True)
class PrefixLM(Objective):
  """a b c d e  ->  [a b] c d e: a prefix that is read both ways, then tokens that are scored.

  The split falls uniformly in 1 .. n - 1, so on average half of the tokens are scored.  (CodeGen2,
  section 2.1; T5's `prefix_lm`.)

  Args:
    scored: the share of tokens that are scored, where it is not drawn: 0.25 is UL2's S-denoiser.
  """

  scored: float | None = None

  def __post_init__(self):
    if self.scored is not None and not 0 < self.scored < 1:
      raise InputError(
        f"PrefixLM(scored={self.scored}) leaves no prefix or nothing to learn; choose a share"
        " between 0 and 1"
      )

  def __call__(self, example: Example, rng: np.random.Generator) -> Example:
    n = len(example.tokens)
    if n < 2:
      split = 0
    elif self.scored is None:
      split = int(rng.integers(1, n))
    else:
      split = n - min(max(round(n * self.scored), 1), n - 1)
    prefix_mask = np.arange(n) < split
    return dataclasses.replace(
      example, prefix_mask=prefix_mask, loss_mask=example.loss_mask & ~prefix_mask
    )
