"""Weights are known by their bits."""

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec
import numpy as np
import pytest

from codegen_jax import partitioning
from codegen_jax.inference.fingerprint import fingerprint
from codegen_jax.partitioning import PartitioningConfig


def weights(dtype="float32"):
  rng = np.random.default_rng(0)
  return {
    "a": jnp.asarray(rng.normal(size=(8, 16)), dtype),
    "b": {"c": jnp.asarray(rng.normal(size=8), dtype)},
  }


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_each_bit_of_each_number_counts(dtype):
  params = weights(dtype)
  seen = {fingerprint(params)}
  bits = np.asarray(params["b"]["c"]).view(f"uint{8 * jnp.dtype(dtype).itemsize}")
  for place in range(len(bits)):
    for bit in range(8 * bits.itemsize):
      other = bits.copy()
      other[place] ^= 1 << bit
      seen.add(fingerprint({**params, "b": {"c": jnp.asarray(other.view(params["a"].dtype))}}))
  assert len(seen) == 1 + len(bits) * 8 * bits.itemsize


def test_places_names_shapes_and_types_count():
  params = weights()
  a = params["a"]
  others = [
    {**params, "a": a[::-1]},
    {**params, "a": a.at[0, 0].set(a[0, 1]).at[0, 1].set(a[0, 0])},
    {**params, "a": a.reshape(16, 8)},
    {"d": a, "b": params["b"]},
    weights("bfloat16"),
  ]
  assert len({fingerprint(one) for one in [params, *others]}) == 6


def test_the_mesh_does_not_count():
  params = weights()
  mesh = partitioning.make_mesh(PartitioningConfig(data=2, fsdp=4))
  rows = NamedSharding(mesh, PartitionSpec(mesh.axis_names[1]))
  assert fingerprint(jax.device_put(params, rows)) == fingerprint(params)
