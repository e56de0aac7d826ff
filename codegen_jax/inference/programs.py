"""What is compiled to generate: prompts to first tokens, then many tokens in one loop."""

from collections.abc import Callable
import dataclasses
from typing import Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int, UInt32

from codegen_jax.inference import decoding, sampling
from codegen_jax.inference.decoding import Network
from codegen_jax.inference.sampling import Kind, Numbers
from codegen_jax.models import cache as kv_cache
from codegen_jax.models.cache import Cache, Order
from codegen_jax.models.masks import Attention
from codegen_jax.types import Array, Params, PyTree


@flax.struct.dataclass
class Rows:
  """What goes from token to token: completions of the same age, one in each row."""

  cache: Cache
  keys: PyTree  # Key[Array, " B"], of the noise
  tokens: PyTree  # Int[Array, " B"], the newest
  lengths: PyTree  # Int[Array, " B"], of the prompts
  done: PyTree  # Bool[Array, " B"]; where all are, no loop goes on
  age: PyTree  # Int[Array, ""], new tokens of each row


class Made(NamedTuple):
  """New tokens of each row, the first `made` of them; and how likely each was, as its log."""

  tokens: Int[Array, "B chunk"]
  log_probs: Float[Array, "B chunk"]
  made: Int[Array, ""]


class Programs(NamedTuple):
  """Compiled for each shape that they are given; see `make`."""

  begin: Callable[..., tuple[Rows, Made]]
  go_on: Callable[..., tuple[Rows, Made]]


def make(network: Network, *, attention: Attention, order: Order) -> Programs:
  """begin: prompts to the first token of each row.  go_on: up to `chunk` more of each."""
  step = decoding.make_decode_step(network)

  def begin(
    params: Params,
    prompts: Int[Array, "prompts L"],
    prompt_lengths: Int[Array, " prompts"],
    both_ways: Int[Array, " prompts"],
    source: Int[Array, " B"],
    names: UInt32[Array, "B 3"],
    done: Bool[Array, " B"],
    seed: UInt32[Array, ""],
    stop_tokens: Int[Array, " stops"],
    numbers: Numbers,
    *,
    slots: int,
    kind: Kind,
  ) -> tuple[Rows, Made]:
    """Each prompt is read once; row i continues prompt `source[i]`."""
    prefill = decoding.make_prefill(network, attention=attention, slots=slots, order=order)
    logits, cache = prefill(params, prompts, prompt_lengths, both_ways)
    keys = sampling.keys(seed, names)
    zero = jnp.zeros((), jnp.int32)
    tokens, log_probs = sampling.next_token(logits[source], keys, zero, numbers, kind)
    rows = Rows(
      cache=kv_cache.take(cache, source),
      keys=keys,
      tokens=tokens,
      lengths=prompt_lengths[source],
      done=done | jnp.isin(tokens, stop_tokens),
      age=zero + 1,
    )
    return rows, Made(tokens[:, None], log_probs[:, None], zero + 1)

  def go_on(
    params: Params,
    rows: Rows,
    limit: Int[Array, ""],
    stop_tokens: Int[Array, " stops"],
    numbers: Numbers,
    *,
    chunk: int,
    kind: Kind,
  ) -> tuple[Rows, Made]:
    """Until each row has `limit` tokens, or `chunk` more, or is done."""
    end = jnp.minimum(rows.age + chunk, limit)
    begun = rows.age

    def is_open(state: Any) -> Array:
      rows, _ = state
      return (rows.age < end) & ~jnp.all(rows.done)

    def one(state: Any) -> Any:
      rows, (tokens, log_probs) = state
      logits, cache = step(params, rows.cache, rows.tokens, rows.lengths + rows.age - 1)
      new, log_prob = sampling.next_token(logits, rows.keys, rows.age, numbers, kind)
      place = (0, rows.age - begun)
      written = (
        jax.lax.dynamic_update_slice(tokens, new[:, None], place),
        jax.lax.dynamic_update_slice(log_probs, log_prob[:, None], place),
      )
      done = rows.done | jnp.isin(new, stop_tokens)
      return dataclasses.replace(
        rows, cache=cache, tokens=new, done=done, age=rows.age + 1
      ), written

    shape = (len(rows.tokens), chunk)
    nothing = jnp.zeros(shape, jnp.int32), jnp.zeros(shape, jnp.float32)
    rows, (tokens, log_probs) = jax.lax.while_loop(is_open, one, (rows, nothing))
    return rows, Made(tokens, log_probs, rows.age - begun)

  return Programs(
    jax.jit(begin, static_argnames=("slots", "kind")),
    jax.jit(go_on, static_argnames=("chunk", "kind"), donate_argnames="rows"),
  )
