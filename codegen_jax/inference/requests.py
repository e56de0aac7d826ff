"""What is asked of a language model, and what comes back."""

import dataclasses
from typing import Literal, NamedTuple

from jaxtyping import Bool, Float, Int
import numpy as np

Ended = Literal["stop string", "end token", "length"]


@dataclasses.dataclass(frozen=True)
class Request:
  """One completion of one prompt.

  `task`, `problem` and `sample` name its noise: with one seed the same name always draws the same
  completion.  Requests whose prompts are equal share the work of reading them.

  A PrefixLM reads the first `both_ways` tokens of the prompt both ways, by default all of them, and
  the others from left to right.
  """

  task: str
  problem: str
  sample: int
  prompt: tuple[int, ...]  # ids, at least one
  both_ways: int | None = None


class Completion(NamedTuple):
  """tokens: what was made, up to the end token or the token that completed a stop string, with it.

  text: of these tokens, cut before the stop string; special tokens have none.
  log_probs: of each token, in nats, before temperature and filters.
  """

  request: Request
  tokens: Int[np.ndarray, " n"]
  text: str
  ended: Ended
  log_probs: Float[np.ndarray, " n"]


class Likelihood(NamedTuple):
  """Of one continuation."""

  nats: Float[np.ndarray, " n"]  # minus the log-probability of each token
  is_greedy: Bool[np.ndarray, " n"]  # whether it is the likeliest, as greedy decoding chooses it
