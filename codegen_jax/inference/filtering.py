"""Which tokens may be drawn: the likeliest few, or the likeliest that hold most of the probability.

Both ask for a threshold that so much lies above.  A sort of the vocabulary would tell, but costs
more than a layer; a float's bits, read as an integer, are in the float's order, so 32 halvings find
it.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from codegen_jax.types import Array


def top_k(logits: Float[Array, "B V"], k: Int[Array, ""]) -> Float[Array, "B V"]:
  """Minus infinity but for the k largest of each row, at least one; ties with the last stay too."""

  def enough_above(threshold: Array) -> Array:
    return jnp.sum(_ordered(logits) > threshold, axis=-1, keepdims=True) >= jnp.maximum(k, 1)

  return jnp.where(_ordered(logits) > _largest(enough_above, logits), logits, -jnp.inf)


def top_p(logits: Float[Array, "B V"], p: Float[Array, ""]) -> Float[Array, "B V"]:
  """Minus infinity but for the likeliest that together reach p, at least one.

  A token stays while those that are likelier do not yet reach p; ties with the last stay too.
  """
  probabilities = jax.nn.softmax(logits, axis=-1)

  def enough_above(threshold: Array) -> Array:
    above = jnp.where(_ordered(logits) > threshold, probabilities, 0)
    return jnp.sum(above, axis=-1, keepdims=True) >= p

  return jnp.where(_ordered(logits) > _largest(enough_above, logits), logits, -jnp.inf)


def _ordered(x: Float[Array, "B V"]) -> Int[Array, "B V"]:
  """Integers in the order of the floats: those of negative numbers are turned round."""
  bits = jax.lax.bitcast_convert_type(x.astype(jnp.float32), jnp.int32)
  return bits ^ ((bits >> 31) & 0x7FFFFFFF)


def _largest(
  enough_above: Callable[[Int[Array, "B 1"]], Bool[Array, "B 1"]], logits: Float[Array, "B V"]
) -> Int[Array, "B 1"]:
  """The largest threshold that enough lies above; of the smallest integer that is taken on trust.

  Since it is the largest, the next value up is one of the logits: with it the row has enough.
  """
  shape = (*logits.shape[:-1], 1)
  limits = jnp.iinfo(jnp.int32)
  low, high = jnp.full(shape, limits.min), jnp.full(shape, limits.max)

  def halve(_, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
    low, high = bounds
    middle = (low & high) + ((low ^ high) >> 1)  # whose sum would overflow
    enough = enough_above(middle)
    return jnp.where(enough, middle, low), jnp.where(enough, high, middle)

  return jax.lax.fori_loop(0, 32, halve, (low, high))[0]
