"""A loop as one writes it first for one shape: no masks, no noise, no stops, no text; a floor."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.decoders import shapes
from codegen_jax.models import rotary
from codegen_jax.models.config import TransformerConfig


def make(shape: str, batch_size: int, prompt: int, new: int) -> Callable[[], list[list[int]]]:
  c = shapes.CONFIGS[shape]
  stacked = shapes.params(c)
  layers = [
    jax.tree.map(lambda x, i=i: jnp.asarray(x[i]), stacked["blocks"]) for i in range(c.num_layers)
  ]
  params = {**jax.tree.map(jnp.asarray, {**stacked, "blocks": ()}), "blocks": layers}
  prompts = jnp.asarray(shapes.prompts(c, batch_size, prompt), jnp.int32)
  run = jax.jit(lambda params, prompts: _complete(c, params, prompts, new))
  return lambda: run(params, prompts).tolist()


def _complete(c: TransformerConfig, params, prompts: jax.Array, new: int) -> jax.Array:
  batch, length = prompts.shape
  room = (batch, c.num_heads, length + new, c.head_dim)
  cache = [(jnp.zeros(room), jnp.zeros(room)) for _ in range(c.num_layers)]
  token, cache = _forward(c, params, prompts, 0, cache)

  def step(i, state):
    tokens, cache = state
    newest = jax.lax.dynamic_slice_in_dim(tokens, i - 1, 1, axis=1)
    token, cache = _forward(c, params, newest, length + i - 1, cache)
    return jax.lax.dynamic_update_slice(tokens, token[:, None], (0, i)), cache

  tokens = jnp.zeros((batch, new), jnp.int32).at[:, 0].set(token)
  return jax.lax.fori_loop(1, new, step, (tokens, cache))[0]


def _forward(c: TransformerConfig, params, tokens: jax.Array, start, cache):
  """The likeliest token after the last of these, which stand from position `start` on."""
  positions = start + jnp.arange(tokens.shape[1])
  turns = rotary.turns(
    jnp.broadcast_to(positions, tokens.shape), rotary_dim=c.rotary_dim, head_dim=c.head_dim,
    base=c.rotary_base,
  )  # fmt: skip
  x: Any = params["embedding"]["table"][tokens]
  written = []
  for layer, (keys, values) in zip(params["blocks"], cache, strict=True):
    normed, attention, mlp = _norm(x, layer["norm"]), layer["attention"], layer["mlp"]
    query, key, v = (
      jnp.einsum("bld,dnh->blnh", normed, attention[name]["kernel"])
      for name in ("query", "key", "value")
    )
    q, k = rotary.rotate(query, turns), rotary.rotate(key, turns)
    keys = jax.lax.dynamic_update_slice(keys, k.swapaxes(1, 2), (0, 0, start, 0))
    values = jax.lax.dynamic_update_slice(values, v.swapaxes(1, 2), (0, 0, start, 0))
    scores = jnp.einsum("blnh,bnsh->bnls", q, keys) * c.head_dim**-0.5
    seen = jnp.arange(keys.shape[2]) <= positions[:, None]
    read = jnp.einsum("bnls,bnsh->blnh", jax.nn.softmax(jnp.where(seen, scores, -1e10)), values)
    bent = jax.nn.gelu(normed @ mlp["in"]["kernel"] + mlp["in"]["bias"])
    x = x + jnp.einsum("blnh,nhd->bld", read, attention["out"]["kernel"])
    x = x + bent @ mlp["out"]["kernel"] + mlp["out"]["bias"]
    written.append((keys, values))
  last = _norm(x[:, -1], params["final_norm"])
  logits = last @ params["head"]["kernel"] + params["head"]["bias"]
  return jnp.argmax(logits, axis=-1).astype(jnp.int32), written


def _norm(x: jax.Array, weights) -> jax.Array:
  centred = x - x.mean(-1, keepdims=True)
  scaled = centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
  return scaled * weights["scale"] + weights["bias"]
