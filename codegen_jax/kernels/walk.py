"""The blocks that a mask leaves, in the order in which a kernel's grid meets them."""

import dataclasses
from typing import NamedTuple

import jax
from jax.experimental import pallas as pl
import jax.numpy as jnp
from jaxtyping import Int

from codegen_jax.kernels.readers import Intervals
from codegen_jax.types import Array


@dataclasses.dataclass(frozen=True)
class Blocks:
  """How many queries and keys are worked on at once."""

  queries: int
  keys: int


class Walk(NamedTuple):
  """Scalars by which a grid (row, head, outer block, step) finds its blocks.

  The outer blocks are of queries and the steps go over keys, or the other way round.  A block of
  scores whose every query reads every key needs no mask: its queries are all in [open_from,
  open_until) of its block of keys.
  """

  first: Int[Array, "B outer"]
  last: Int[Array, "B outer"]
  open_from: Int[Array, "B key_blocks"]
  open_until: Int[Array, "B key_blocks"]


def over_keys(mask: Intervals, blocks: Blocks) -> Walk:
  """For each block of queries the keys that any of them reads."""
  first, last = _span(mask.reads_from, mask.reads_until, blocks.queries, blocks.keys)
  return Walk(first, last, *_open(mask, blocks))


def over_queries(mask: Intervals, blocks: Blocks) -> Walk:
  """For each block of keys the queries that read any of them."""
  first, last = _span(mask.read_from, mask.read_until, blocks.keys, blocks.queries)
  return Walk(first, last, *_open(mask, blocks))


def _span(start: Array, until: Array, size: int, other: int) -> tuple[Array, Array]:
  first = jnp.min(_grouped(start, size), axis=-1) // other
  last = (jnp.max(_grouped(until, size), axis=-1) - 1) // other
  return first, last


def _open(mask: Intervals, blocks: Blocks) -> tuple[Array, Array]:
  return (
    jnp.max(_grouped(mask.read_from, blocks.keys), axis=-1),
    jnp.min(_grouped(mask.read_until, blocks.keys), axis=-1),
  )


def _grouped(tokens: Array, size: int) -> Array:
  batch, length = tokens.shape
  return tokens.reshape(batch, length // size, size)


class Place(NamedTuple):
  """Where a step of the grid is, and what there is to do."""

  outer: jax.Array
  inner: jax.Array
  is_first: jax.Array  # step of its outer block
  is_last: Array
  is_needed: Array


def place(walk: Walk) -> Place:
  row, outer, step = pl.program_id(0), pl.program_id(2), pl.program_id(3)
  inner = walk.first[row, outer] + step
  is_last = step == pl.num_programs(3) - 1
  return Place(outer, inner, step == 0, is_last, inner <= walk.last[row, outer])


def is_open(walk: Walk, query_block: Array, key_block: Array, queries: int) -> Array:
  """Does every query of the one read every key of the other?"""
  row = pl.program_id(0)
  # A block that lies past the row's end is named on steps that are not needed.
  key_block = jnp.minimum(key_block, walk.open_from.shape[1] - 1)
  first = query_block * queries
  return (walk.open_from[row, key_block] <= first) & (
    first + queries <= walk.open_until[row, key_block]
  )


# Where each step of the grid finds its blocks.  Past the last block that is needed the same one is
# named again, so that nothing is fetched.


def _clamped(row, outer, step, first, last):
  return jnp.minimum(first[row, outer] + step, last[row, outer])


def outer_4d(row, head, outer, step, *walk):
  return row, head, outer, 0


def inner_4d(row, head, outer, step, first, last, *_):
  return row, head, _clamped(row, outer, step, first, last), 0


def outer_3d(row, head, outer, step, *walk):
  return row, outer, 0


def inner_columns(row, head, outer, step, first, last, *_):
  return row, 0, _clamped(row, outer, step, first, last)


def outer_row(row, head, outer, step, *walk):
  return row, head, 0, outer


def inner_row(row, head, outer, step, first, last, *_):
  return row, head, 0, _clamped(row, outer, step, first, last)


def whole_4d(row, head, outer, step, *walk):
  return row, head, 0, 0
