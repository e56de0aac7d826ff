"""What the forward and the backward kernel of attention do alike to a block of scores."""

import math

import jax
import jax.numpy as jnp

from codegen_jax.types import Array

# Both finite: a block may hold no key at all of a query, whose largest score is then LOWEST, and
# 2 to the power of NOTHING - LOWEST is zero.
NOTHING = -1e30
LOWEST = -1e29

_OVER_LAST = (((1,), (1,)), ((), ()))
_OVER_FIRST = (((0,), (0,)), ((), ()))


def base_2(head_dim: int) -> float:
  """By which a score is multiplied, so that the softmax is of powers of 2.

  On float32 scores, where it is free: e ** x is computed as 2 ** (x log2 e) anyway.
  """
  return head_dim**-0.5 * math.log2(math.e)


def rows_by_rows(a: Array, b: Array) -> Array:
  """The product of a and b', summed in float32."""
  return jax.lax.dot_general(a, b, _OVER_LAST, preferred_element_type=jnp.float32)


def columns_by_columns(a: Array, b: Array) -> Array:
  """The product of a' and b, summed in float32."""
  return jax.lax.dot_general(a, b, _OVER_FIRST, preferred_element_type=jnp.float32)


def masked(scores: Array, queries: Array, read_from: Array, read_until: Array) -> Array:
  """NOTHING in place of the score of a query that is not among the readers of the key.

  What belongs to keys and what belongs to queries is a row or a column beside the scores.
  """
  return jnp.where((read_from <= queries) & (queries < read_until), scores, NOTHING)
