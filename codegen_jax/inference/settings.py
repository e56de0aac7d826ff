"""How a completion is drawn, as values."""

from collections.abc import Sequence
import dataclasses
import math

from codegen_jax.errors import InputError


@dataclasses.dataclass(frozen=True)
class SamplingConfig:
  """How a completion is drawn, and where it ends.

  Logits are divided by `temperature`; of these the `top_k` largest stay, of what stays the
  likeliest that together reach `top_p`; one of them is drawn.

  Attributes:
    temperature: 0 takes the likeliest token, always.
    top_p: 1 keeps all.
    top_k: 0 keeps all.
    num_beams: more than 1 searches for likely completions instead; sample k of a problem, counted
      from 0, is its k-th best.
    length_penalty: a finished beam counts its log-probability / length ** this; more than 0 favours
      long ones.
    max_new_tokens: when a completion has so many, it ends.
    stop_strings: text is cut before the one that is complete first.
    stop_tokens: ids that end a completion; None stands for the vocabulary's <|endoftext|>, and ()
      for none.
    seed: of the noise.  A sample depends on this, its task, its problem and its number alone.
    batch_size: rows decoded at once, at most.
  """

  temperature: float = 1.0
  top_p: float = 1.0
  top_k: int = 0
  num_beams: int = 1
  length_penalty: float = 1.0
  max_new_tokens: int = 256
  stop_strings: Sequence[str] = ()
  stop_tokens: tuple[int, ...] | None = None
  seed: int = 0
  batch_size: int = 16

  def __post_init__(self):
    if not (0 <= self.temperature < math.inf):
      raise InputError(f"temperature is {self.temperature}; it must be at least 0 (greedy)")
    if not 0 < self.top_p <= 1:
      raise InputError(f"top_p is {self.top_p}; it must lie above 0 and be at most 1 (keeps all)")
    if self.top_k < 0:
      raise InputError(f"top_k is {self.top_k}; it must be at least 1, or 0 to keep all")
    for name in ("num_beams", "max_new_tokens", "batch_size"):
      if getattr(self, name) < 1:
        raise InputError(f"{name} is {getattr(self, name)}; it must be at least 1")
    if not 0 <= self.seed < 2**32:
      raise InputError(f"seed is {self.seed}; it must be at least 0 and below 2 ** 32")
    if not math.isfinite(self.length_penalty):
      raise InputError(f"length_penalty is {self.length_penalty}; it must be a finite number")
    if isinstance(self.stop_strings, str):
      raise InputError(
        f"stop_strings is the text {self.stop_strings!r}; give a tuple, e.g."
        f" ({self.stop_strings!r},)"
      )
    if "" in self.stop_strings:
      raise InputError("a stop string is empty, which ends every completion at once; leave it out")
    if self.stop_tokens is not None and any(token < 0 for token in self.stop_tokens):
      raise InputError(f"stop_tokens are {self.stop_tokens}; an id is at least 0")
    self._check_together()

  def _check_together(self) -> None:
    if self.num_beams > 1 and self.temperature != 0:
      raise InputError(
        f"num_beams is {self.num_beams} and temperature {self.temperature}; beam search draws"
        " nothing, so set temperature to 0, or num_beams to 1"
      )
    if self.temperature == 0 and (self.top_p != 1 or self.top_k):
      raise InputError(
        f"temperature is 0, which takes the likeliest token, so top_p ({self.top_p}) and top_k"
        f" ({self.top_k}) would change nothing; leave them out"
      )
    if self.num_beams == 1 and self.length_penalty != 1:
      raise InputError(
        f"length_penalty is {self.length_penalty}, which beam search alone reads; set num_beams too"
      )
