"""What a compiled step takes, told from the compiler's words."""

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec
import pytest

from codegen_jax.plan import compiled
from tests.plan.programs import TEXT


@pytest.mark.parametrize(
  ("message", "gib"),
  [
    ("RESOURCE_EXHAUSTED: Ran out of memory on HBM, the total memory required for HLO temporaries"
     " (670.50G) exceeds available HBM (30.75G).", 670.5),
    ("XLA:TPU compile permanent error. Ran out of memory in memory space hbm. Used 33.75G of 30.75G"
     " hbm. Exceeded hbm capacity by 3.00G.", 33.75),
    ("Used 512.0M of 256.0M hbm", 0.5),
  ],
)  # fmt: skip
def test_a_program_that_does_not_fit_says_what_it_needs(message, gib):
  assert compiled.needed_bytes(message) == gib * 2**30


def test_another_error_is_no_answer():
  assert compiled.needed_bytes("INTERNAL: Mosaic failed to compile TPU kernel") is None


def test_one_device_holds_its_part():
  mesh = jax.make_mesh((2, 4), ("a", "b"))
  split = NamedSharding(mesh, PartitionSpec("b", "a"))
  whole = NamedSharding(mesh, PartitionSpec())
  tree = {
    "split": jax.ShapeDtypeStruct((8, 6), jnp.bfloat16, sharding=split),
    "whole": jax.ShapeDtypeStruct((5,), jnp.int32, sharding=whole),
  }
  assert compiled.local_bytes(tree) == 2 * 3 * 2 + 5 * 4


def test_what_is_kept_for_the_backward_pass_is_counted_once():
  assert compiled.kept_bytes(TEXT) == 3 * 128 * 64 * 2
  assert compiled.kept_bytes(TEXT.replace("jvp(Transformer)", "transpose(jvp(Transformer))")) == 0
