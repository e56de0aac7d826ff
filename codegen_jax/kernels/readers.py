"""Masks of packed rows as one interval per token: who reads a key, and what a query reads."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Int

from codegen_jax.types import Array


class Intervals(NamedTuple):
  """(causal OR inside the document's prefix) AND same document, without a B x L x L array.

  A document is a stretch of the row, and its prefix is the beginning of it.  So the keys that a
  query reads are a stretch, and so are the queries that read a key:

      segment_ids  1 1 1 1 2 2        reads from   0 0 0 0 4 4     read from   0 0 2 3 4 5
      prefix_mask  1 1 0 0 0 0        reads until  2 2 3 4 5 6     read until  4 4 4 4 6 6

  Padding, which is segment 0, reads itself alone.
  """

  reads_from: Int[Array, "B L"]
  reads_until: Int[Array, "B L"]
  read_from: Int[Array, "B L"]
  read_until: Int[Array, "B L"]

  def of_keys(self) -> Int[Array, "B L 2"]:
    """The readers of each key, so that a block of them is two columns beside a block of scores."""
    return jnp.stack([self.read_from, self.read_until], axis=-1)


def intervals(
  segment_ids: Int[Array, "B L"],
  positions: Int[Array, "B L"],
  prefix_mask: Bool[Array, "B L"] | None = None,
) -> Intervals:
  here = jnp.broadcast_to(jnp.arange(segment_ids.shape[1], dtype=jnp.int32), segment_ids.shape)
  is_text = segment_ids > 0
  start = here - jnp.where(is_text, positions, 0)
  other = segment_ids[:, 1:] != segment_ids[:, :-1]
  end = jnp.where(is_text, _next(other), here + 1)
  if prefix_mask is None:
    return Intervals(start, here + 1, here, end)
  in_prefix = prefix_mask & is_text
  prefix_end = _next(other | ~in_prefix[:, 1:])
  return Intervals(
    start,
    jnp.where(in_prefix, prefix_end, here + 1),
    jnp.where(in_prefix, start, here),
    end,
  )


def _next(boundary: Bool[Array, "B L_minus_1"]) -> Int[Array, "B L"]:
  """For each place the first one after it that has a boundary on its left, or the row's length."""
  gaps = boundary.shape[1]
  after = jnp.arange(1, gaps + 1, dtype=jnp.int32)
  marked = jnp.where(boundary, after, gaps + 1)
  marked = jnp.pad(marked, ((0, 0), (0, 1)), constant_values=gaps + 1)
  return jax.lax.cummin(marked, axis=1, reverse=True)
