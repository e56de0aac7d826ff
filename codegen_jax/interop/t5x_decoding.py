"""Completions as t5x asks for them: whole batches of arrays, compiled as a part of its program."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from codegen_jax.errors import InputError
from codegen_jax.inference import programs, sampling
from codegen_jax.inference.settings import SamplingConfig
from codegen_jax.models import cache as kv_cache
from codegen_jax.models.masks import Attention
from codegen_jax.models.transformer import Transformer
from codegen_jax.types import Array, Batch, Params


def complete(
  model: Transformer,
  params: Params,
  batch: Batch,
  *,
  attention: Attention,
  sampling: SamplingConfig,
  end: int,
  rng: Array | None = None,
  num_decodes: int = 1,
) -> tuple[Int[Array, "B decodes L"], Float[Array, "B decodes"]]:
  """What follows each row's prompt, up to the row's length, and its log-likelihood.

  A prompt is the prefix that a row begins with, or the row's first token where it has none; a
  PrefixLM reads it both ways.

      inputs       a b c d e . .        tokens    x y end end end end end
      prefix_mask  1 1 1 0 0 0 0        scores    log p(x) + log p(y) + log p(end)

  A completion is moved to the left and filled with `end`, at which seqio's vocabularies stop.  (The
  usual filling with 0 would be text: in a byte-level vocabulary 0 is a token.)  Decodes of a row
  are in the order of their scores, the likeliest last.

  Args:
    model: the network.
    params: its weights.
    batch: rows whose prefixes are continued; only `inputs` and `prefix_mask` are read.
    attention: that the weights were trained with.
    sampling: temperature, top_k and top_p.
    end: the token that ends a completion.
    rng: of the noise; None is as the seed 0.
    num_decodes: completions of each row.

  Raises:
    InputError: the attention is bidirectional, or a row has fewer than two places.
  """
  rows, length = batch.inputs.shape
  if attention == "bidirectional" or length < 2:
    raise InputError(
      f"attention is {attention!r} and rows have {length} places; only causal and prefix attention"
      " continue a text, in rows of at least 2"
    )
  prompts = jnp.cumprod(jnp.asarray(batch.prefix_mask, jnp.int32), axis=1).sum(axis=1)
  prompts = jnp.maximum(prompts, 1)
  made, log_probs = _drawn(
    model, params, jnp.asarray(batch.inputs), prompts, attention, sampling, end, rng, num_decodes
  )
  place = jnp.arange(length)
  made, log_probs = (jnp.pad(x, ((0, 0), (0, length - x.shape[1]))) for x in (made, log_probs))
  ended = jnp.cumsum(made == end, axis=1) - (made == end) > 0  # behind the first `end`
  kept = (place < length - jnp.repeat(prompts, num_decodes)[:, None]) & ~ended
  tokens = jnp.where(kept, made, end).reshape(rows, num_decodes, length)
  scores = jnp.sum(jnp.where(kept, log_probs, 0), axis=1).reshape(rows, num_decodes)
  order = jnp.argsort(scores, axis=1)
  return (
    jnp.take_along_axis(tokens, order[..., None], axis=1),
    jnp.take_along_axis(scores, order, axis=1),
  )


def _drawn(
  model: Transformer,
  params: Params,
  inputs: Int[Array, "B L"],
  prompts: Int[Array, " B"],
  attention: Attention,
  config: SamplingConfig,
  end: int,
  rng: Array | None,
  num_decodes: int,
) -> tuple[Int[Array, "rows new"], Float[Array, "rows new"]]:
  """L - 1 new tokens of each of B * num_decodes rows, each row's own being the first of them."""
  rows, length = inputs.shape
  source = jnp.repeat(jnp.arange(rows), num_decodes)
  sample = jnp.tile(jnp.arange(num_decodes), rows)
  names = jnp.stack([source, jnp.zeros_like(source), sample], axis=1).astype(jnp.uint32)
  seed = jnp.uint32(0) if rng is None else jax.random.bits(rng, (), jnp.uint32)
  stops = jnp.array([end], jnp.int32)
  order = kv_cache.order_on(jax.devices()[0].platform)
  begin, go_on = programs.make(model, attention=attention, order=order)
  drawn = {"kind": sampling.kind(config)}
  numbers = jax.tree.map(jnp.asarray, sampling.numbers(config))
  state, first = begin(
    params, inputs, prompts, prompts, source, names, jnp.zeros(len(source), bool), seed, stops,
    numbers, slots=2 * length - 1, **drawn,
  )  # fmt: skip
  if length == 2:
    return first.tokens, first.log_probs
  limit = jnp.int32(length - 1)
  go_on = functools.partial(go_on, chunk=length - 2, **drawn)
  _, more = go_on(params, state, limit, stops, numbers)
  tokens = jnp.concatenate([first.tokens, more.tokens], axis=1)
  return tokens, jnp.concatenate([first.log_probs, more.log_probs], axis=1)
