"""Beam search: the likeliest completions of a prompt that a search of limited width finds.

Step by step what transformers' `generate(num_beams=...)` does with `early_stopping=False`, so that
scores can be compared; but no prompt waits for another one of its batch.
"""

from collections.abc import Callable
import dataclasses
from typing import Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from codegen_jax.inference import decoding
from codegen_jax.inference.decoding import Network
from codegen_jax.models import cache as kv_cache
from codegen_jax.models.cache import Order
from codegen_jax.models.masks import Attention
from codegen_jax.types import Array, Params, PyTree

NEVER = -1e9  # the score of what may not be chosen, as in transformers


@flax.struct.dataclass
class Beams:
  """Of each prompt P a number of sequences K of up to T new tokens, the best first."""

  tokens: PyTree  # Int[Array, "P K T"]
  log_probs: PyTree  # Float[Array, "P K T"], of each token
  scores: PyTree  # Float[Array, "P K"]; running: their sum, finished: that over length ** penalty
  lengths: PyTree  # Int[Array, "P K"]


class Found(NamedTuple):
  """The finished beams of each prompt, the best first."""

  tokens: Int[Array, "P K T"]
  log_probs: Float[Array, "P K T"]
  scores: Float[Array, "P K"]
  lengths: Int[Array, "P K"]


@flax.struct.dataclass
class Search:
  """running: what goes on, all of the same length.  finished: the best so far that do not."""

  running: Beams
  finished: Beams
  open: PyTree  # Bool[Array, " P"]: may a running beam still be better than a finished one?
  origin: PyTree  # Int[Array, "P K"]: which of the beams before each running beam continues
  length: PyTree  # Int[Array, ""], of the running ones


def make(network: Network, *, attention: Attention, order: Order) -> Callable[..., Found]:
  """(params, prompts, lengths, both ways, ends, length penalty, sizes) -> each prompt's best."""
  step = decoding.make_decode_step(network)

  def search(
    params: Params,
    prompts: Int[Array, "P L"],
    prompt_lengths: Int[Array, " P"],
    both_ways: Int[Array, " P"],
    stop_tokens: Int[Array, " stops"],
    length_penalty: Float[Array, ""],
    *,
    num_beams: int,
    max_new_tokens: int,
  ) -> Found:
    num_prompts, room = prompts.shape
    prefill = decoding.make_prefill(
      network, attention=attention, slots=room + max_new_tokens - 1, order=order
    )
    logits, cache = prefill(params, prompts, prompt_lengths, both_ways)
    rows = jnp.arange(num_prompts * num_beams)
    cache = kv_cache.take(cache, rows // num_beams)
    lengths = prompt_lengths[rows // num_beams]

    def extend(state: Search, logits: Array) -> Search:
      return _extend(state, logits, stop_tokens, length_penalty)

    def go_on(carry: Any) -> Any:
      state, cache = carry
      before = (jnp.arange(num_prompts)[:, None] * num_beams + state.origin).reshape(-1)
      newest = jax.lax.dynamic_index_in_dim(state.running.tokens, state.length - 1, 2, False)
      logits, cache = step(
        params, kv_cache.take(cache, before), newest.reshape(-1), lengths + state.length - 1
      )
      return extend(state, logits.reshape(num_prompts, num_beams, -1)), cache

    begun = extend(
      _nothing(num_prompts, num_beams, max_new_tokens),
      jnp.broadcast_to(logits[:, None], (num_prompts, num_beams, logits.shape[-1])),
    )
    state, _ = jax.lax.while_loop(lambda carry: jnp.any(carry[0].open), go_on, (begun, cache))
    done = state.finished
    return Found(done.tokens, done.log_probs, done.scores, done.lengths)

  return jax.jit(search, static_argnames=("num_beams", "max_new_tokens"))


def _nothing(num_prompts: int, num_beams: int, room: int) -> Search:
  of_beams = (num_prompts, num_beams)
  empty = Beams(
    tokens=jnp.zeros((*of_beams, room), jnp.int32),
    log_probs=jnp.zeros((*of_beams, room), jnp.float32),
    scores=jnp.full(of_beams, NEVER),
    lengths=jnp.zeros(of_beams, jnp.int32),
  )
  # All beams are the prompt alone, so only the first may be continued.
  first = dataclasses.replace(empty, scores=empty.scores.at[:, 0].set(0.0))
  return Search(
    running=first,
    finished=empty,
    open=jnp.ones(num_prompts, bool),
    origin=jnp.zeros(of_beams, jnp.int32),
    length=jnp.zeros((), jnp.int32),
  )


def _extend(
  state: Search, logits: Float[Array, "P K V"], stop_tokens: Array, length_penalty: Array
) -> Search:
  """One token more: the best 2 K and more continuations, so that K of them do not end."""
  num_prompts, num_beams, vocab_size = logits.shape
  room, length = state.running.tokens.shape[2], state.length + 1
  log_probs = jax.nn.log_softmax(logits, axis=-1)
  sums = (state.running.scores[:, :, None] + log_probs).reshape(num_prompts, -1)
  number = min(max(2, 1 + len(stop_tokens)) * num_beams, sums.shape[1])
  scores, places = jax.lax.top_k(sums, number)
  origin, token = places // vocab_size, places % vocab_size
  candidates = _take(state.running, origin)
  log_prob = jnp.take_along_axis(log_probs.reshape(num_prompts, -1), places, axis=1)
  at = (0, 0, state.length)
  candidates = Beams(
    tokens=jax.lax.dynamic_update_slice(candidates.tokens, token[:, :, None], at),
    log_probs=jax.lax.dynamic_update_slice(candidates.log_probs, log_prob[:, :, None], at),
    scores=scores,
    lengths=jnp.full_like(candidates.lengths, length),
  )
  ends = jnp.isin(token, stop_tokens) | (length >= room)
  running = dataclasses.replace(candidates, scores=scores + jnp.where(ends, NEVER, 0.0))
  best = jax.lax.top_k(running.scores, num_beams)[1]

  # The candidates behind the first K are there to be continued, not to be an answer.
  counts = ends & (jnp.arange(number) < num_beams) & state.open[:, None]
  per_length = length.astype(jnp.float32) ** length_penalty
  ended = dataclasses.replace(candidates, scores=jnp.where(counts, scores / per_length, NEVER))
  both = jax.tree.map(lambda *pair: jnp.concatenate(pair, axis=1), state.finished, ended)
  finished = _take(both, jax.lax.top_k(both.scores, num_beams)[1])

  running = _take(running, best)
  better = running.scores[:, 0] / per_length > jnp.min(finished.scores, axis=1)
  return Search(
    running=running,
    finished=finished,
    open=state.open & better & ~jnp.all(ends, axis=1),
    origin=jnp.take_along_axis(origin, best, axis=1),
    length=length,
  )


def _take(beams: Beams, which: Int[Array, "P n"]) -> Beams:
  """Some beams of each prompt, in this order."""

  def of(leaf: Array) -> Array:
    index = which.reshape(which.shape + (1,) * (leaf.ndim - 2))
    return jnp.take_along_axis(leaf, index, axis=1)

  return jax.tree.map(of, beams)
