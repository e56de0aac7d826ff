"""The next token, from logits and from noise that is a function of what is sampled."""

from typing import NamedTuple
import zlib

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int, UInt32
import numpy as np

from codegen_jax.inference import filtering
from codegen_jax.inference.settings import SamplingConfig
from codegen_jax.types import Array


class Kind(NamedTuple):
  """What a program has to do: decided when it is compiled."""

  greedy: bool
  has_top_k: bool
  has_top_p: bool


class Numbers(NamedTuple):
  """By how much: may change from call to call of one program."""

  temperature: Float[Array, ""]
  top_k: Int[Array, ""]
  top_p: Float[Array, ""]


def kind(config: SamplingConfig) -> Kind:
  return Kind(config.temperature == 0, config.top_k > 0, config.top_p < 1)


def numbers(config: SamplingConfig) -> Numbers:
  return Numbers(
    np.array(config.temperature or 1, np.float32),
    np.array(config.top_k, np.int32),
    np.array(config.top_p, np.float32),
  )


def name_words(task: str, problem: str, sample: int) -> UInt32[np.ndarray, " 3"]:
  """A sample's name as numbers that no run, version of Python or order changes."""
  hashes = (zlib.crc32(name.encode()) for name in (task, problem))
  return np.array([*hashes, sample], np.uint32)


def keys(seed: UInt32[Array, ""], names: UInt32[Array, "B 3"]) -> Array:
  """A key for each sample: of the seed, its task, its problem and its number, and of no other."""

  def of_one(words: Array) -> Array:
    key = jax.random.key(seed)
    for word in words:
      key = jax.random.fold_in(key, word)
    return key

  return jax.vmap(of_one)(names)


def next_token(
  logits: Float[Array, "B V"], keys: Array, index: Int[Array, ""], numbers: Numbers, kind: Kind
) -> tuple[Int[Array, " B"], Float[Array, " B"]]:
  """New token number `index` of each row, and how likely the network itself found it, as its log.

  That is the probability before temperature and filters: what perplexities are made of.
  """
  chosen = logits
  if not kind.greedy:
    noise = jax.vmap(
      lambda key: jax.random.gumbel(jax.random.fold_in(key, index), logits.shape[-1:])
    )(keys)
    chosen = filtered(logits, numbers, kind) + noise
  tokens = jnp.argmax(chosen, axis=-1).astype(jnp.int32)
  said = jnp.take_along_axis(logits, tokens[:, None], axis=-1)[:, 0]
  return tokens, said - jax.nn.logsumexp(logits, axis=-1)


def filtered(logits: Float[Array, "B V"], numbers: Numbers, kind: Kind) -> Float[Array, "B V"]:
  """Temperature, then top-k, then top-p of what is left, as transformers has it."""
  logits = logits / numbers.temperature
  if kind.has_top_k:
    logits = filtering.top_k(logits, numbers.top_k)
  if kind.has_top_p:
    logits = filtering.top_p(logits, numbers.top_p)
  return logits
