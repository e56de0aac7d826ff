"""Which weights of another run a model takes, whole or in part, and which it makes anew."""

from collections.abc import Iterable, Mapping, Sequence, Set
import dataclasses
import re

import jax
import jax.numpy as jnp

from codegen_jax import did_you_mean
from codegen_jax.errors import InputError
from codegen_jax.types import Array

# The axis of each weight that has one row for every id.
VOCAB_AXIS = {"embedding/table": 0, "head/kernel": 1, "head/bias": 0}


@dataclasses.dataclass(frozen=True)
class Taken:
  """A weight that the other run has.

  Attributes:
    here: its shape, type and sharding in the new run.
    there: its shape and type in the other run.
  """

  here: jax.ShapeDtypeStruct
  there: jax.ShapeDtypeStruct

  @property
  def axis(self) -> int | None:
    """The one along which only some rows are taken."""
    pairs = zip(self.there.shape, self.here.shape, strict=True)
    return next((axis for axis, (there, here) in enumerate(pairs) if there != here), None)

  def origin(self, other: str) -> str:
    """As "rows 0-99 from step 200 of runs/nl, 100-103 fresh, cast from bfloat16"."""
    cast = "" if self.there.dtype == self.here.dtype else f", cast from {self.there.dtype}"
    if self.axis is None:
      return other + cast
    there, here = self.there.shape[self.axis], self.here.shape[self.axis]
    if there > here:
      return f"rows 0-{here - 1} of {there} from {other}{cast}"
    return f"rows 0-{there - 1} from {other}, {there}-{here - 1} fresh{cast}"

  def joined(self, read: Array, fresh: Array) -> Array:
    """What was read, in the type of the new run; the rows after it are fresh."""
    dtype, axis, place = self.here.dtype, self.axis, self.here.sharding
    if axis is None:
      same = read.dtype == dtype
      return read if same else jax.jit(lambda x: x.astype(dtype), out_shardings=place)(read)

    def join(read: Array, fresh: Array) -> Array:
      row = jax.lax.broadcasted_iota(jnp.int32, fresh.shape, axis)
      return jnp.where(row < self.there.shape[axis], read.astype(dtype), fresh)

    return jax.jit(join, out_shardings=place)(read, fresh)


def dropped_names(patterns: Sequence[str], extra: Set[str], other: str) -> list[str]:
  """Those that this model lacks, `extra`, when all of them were given up."""
  matched = _matched(
    patterns, extra, f"dropped matches no weight that this model lacks and {other}"
  )
  if left := extra - matched:
    raise InputError(
      f"{other} has {_listed(left)}, which this model lacks; if it may be left out, say so in"
      " WarmStartConfig.dropped"
    )
  return sorted(matched)


def take(
  here: Mapping[str, jax.ShapeDtypeStruct],
  there: Mapping[str, jax.ShapeDtypeStruct],
  other: str,
  *,
  fresh: Sequence[str],
  resize_vocab: bool,
) -> dict[str, Taken]:
  """The weights that are taken, by name; the rest of `here` is made anew."""
  anew = _matched(fresh, here.keys(), "fresh matches no weight that this model")
  if missing := here.keys() - there.keys() - anew:
    raise InputError(
      f"{other} lacks {_listed(missing)}, which this model has; if it may be made anew, say so in"
      " WarmStartConfig.fresh"
    )
  taken = {name: Taken(leaf, there[name]) for name, leaf in here.items() if name not in anew}
  wrong = {name: leaf for name, leaf in taken.items() if leaf.here.shape != leaf.there.shape}
  by_vocab = {name for name, leaf in wrong.items() if _is_resized(name, leaf)}
  refused = wrong.keys() - by_vocab if resize_vocab else wrong.keys()
  if refused:
    told = {f"{name} {wrong[name].there.shape} for {wrong[name].here.shape}" for name in refused}
    fix = (
      "to take the rows that both have, set WarmStartConfig.resize_vocab"
      if refused <= by_vocab
      else "if it may be made anew, say so in WarmStartConfig.fresh"
    )
    raise InputError(f"{other} has another shape of {_listed(told)}; {fix}")
  return taken


def _is_resized(name: str, leaf: Taken) -> bool:
  axis, there, here = VOCAB_AXIS.get(name), leaf.there.shape, leaf.here.shape
  if axis is None or len(there) != len(here):
    return False
  return there[:axis] + there[axis + 1 :] == here[:axis] + here[axis + 1 :]


def _matched(patterns: Sequence[str], names: Set[str], told: str) -> set[str]:
  """The names that a pattern matches whole; one that matches nothing is a slip."""
  matched: set[str] = set()
  for pattern in patterns:
    found = {name for name in names if re.fullmatch(pattern, name)}
    if not found:
      near = did_you_mean.suggestion(pattern, names) or "; take it out"
      raise InputError(f"{pattern!r} in WarmStartConfig.{told} has{near}")
    matched |= found
  return matched


def _listed(names: Iterable[str]) -> str:
  names = sorted(names)
  return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
