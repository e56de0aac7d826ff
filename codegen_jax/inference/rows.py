"""The completions of one batch on the host: tokens in, texts and endings out."""

from collections.abc import Iterator, Sequence

from jaxtyping import Bool, Float, Int
import numpy as np

from codegen_jax.inference.programs import Made
from codegen_jax.inference.requests import Completion, Ended, Request
from codegen_jax.inference.settings import SamplingConfig
from codegen_jax.inference.stopping import Text, Vocabulary


class Growing:
  """One completion that is being made."""

  def __init__(
    self, request: Request, vocabulary: Vocabulary, config: SamplingConfig, stops: Sequence[int]
  ):
    self.request = request
    self.text = Text(vocabulary, config.stop_strings)
    self.ended: Ended | None = None
    self._stops, self._most = frozenset(stops), config.max_new_tokens
    self._tokens: list[int] = []
    self._log_probs: list[float] = []

  def add(self, token: int, log_prob: float) -> None:
    """The next token; it may be the last."""
    self._tokens.append(token)
    self._log_probs.append(log_prob)
    if token in self._stops:  # which is no text, whatever it is otherwise
      self.ended = "end token"
    elif self.text.add(token):
      self.ended = "stop string"
    elif len(self._tokens) == self._most:
      self.ended = "length"
    if self.ended:
      self.text.finish()

  def add_all(self, tokens: Int[np.ndarray, " n"], log_probs: Float[np.ndarray, " n"]) -> None:
    """Tokens one after the other, as far as they are needed."""
    for token, log_prob in zip(tokens.tolist(), log_probs.tolist(), strict=True):
      if self.ended:
        return
      self.add(token, log_prob)

  def completion(self) -> Completion:
    assert self.ended is not None
    return Completion(
      self.request,
      np.array(self._tokens, np.int32),
      self.text.finish(),
      self.ended,
      np.array(self._log_probs, np.float32),
    )


class GrowingRows:
  """Those of a batch, in its order."""

  def __init__(
    self,
    batch: Sequence[Request],
    vocabulary: Vocabulary,
    config: SamplingConfig,
    stops: Sequence[int],
  ):
    self.rows = [Growing(request, vocabulary, config, stops) for request in batch]

  def add(self, made: Made) -> Iterator[Growing]:
    """Takes what a program made; gives each row that it made something of."""
    tokens, log_probs = np.asarray(made.tokens), np.asarray(made.log_probs)
    size = int(made.made)
    for number, row in enumerate(self.rows):
      if not row.ended:
        row.add_all(tokens[number, :size], log_probs[number, :size])
        yield row

  def done(self, num_rows: int) -> Bool[np.ndarray, " B"]:
    """Which of so many rows need no more; those of no request do not."""
    ended = [row.ended is not None for row in self.rows]
    return np.array(ended + [True] * (num_rows - len(ended)))
