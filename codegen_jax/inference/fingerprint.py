"""Which weights these are, told from their bits alone."""

import functools
import hashlib
import math

import jax
import jax.numpy as jnp
from jaxtyping import UInt32

from codegen_jax.types import Array, Params

GOLDEN, FIRST, SECOND = 0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35  # odd, from MurmurHash3 and Knuth


def fingerprint(params: Params) -> str:
  """The same on every mesh and for every number of processes, and another if one bit is.

  It is made where the weights are, so that those of a pod need not come together.
  """
  leaves = jax.tree_util.tree_leaves_with_path(params)
  sums = jax.device_get(_of_all([leaf for _, leaf in leaves]))
  told = [
    f"{jax.tree_util.keystr(path)} {leaf.shape} {leaf.dtype} {two.tolist()}"
    for (path, leaf), two in zip(leaves, sums, strict=True)
  ]
  return hashlib.sha256("\n".join(told).encode()).hexdigest()


@jax.jit
def _of_all(leaves: list[Array]) -> list[UInt32[Array, " 2"]]:
  return [_sums(leaf) for leaf in leaves]


def _sums(x: Array) -> UInt32[Array, " 2"]:
  """Two sums modulo 2^32, in any order, of each number's bits mixed with its place."""
  bits = jax.lax.bitcast_convert_type(x, jnp.dtype(f"uint{8 * x.dtype.itemsize}")).astype("uint32")
  strides = [math.prod(x.shape[axis + 1 :]) % 2**32 for axis in range(x.ndim)]
  places = (
    jax.lax.broadcasted_iota(jnp.uint32, x.shape, axis) * jnp.uint32(stride)
    for axis, stride in enumerate(strides)
  )
  place = functools.reduce(jnp.add, places, jnp.uint32(0))
  mixed = bits ^ (place * jnp.uint32(GOLDEN))
  mixed = (mixed ^ (mixed >> 16)) * jnp.uint32(FIRST)
  mixed = (mixed ^ (mixed >> 13)) * jnp.uint32(SECOND)
  mixed ^= mixed >> 16
  return jnp.stack([mixed.sum(dtype="uint32"), (mixed * (mixed | 1)).sum(dtype="uint32")])
