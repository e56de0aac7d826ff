"""Products with a weight have the gradients of einsum."""

import jax
import jax.numpy as jnp
import numpy as np
from numpy.testing import assert_allclose
import pytest

from codegen_jax.models.product import product

SIZES = {"B": 2, "L": 5, "D": 6, "N": 4, "H": 3, "F": 7}


@pytest.mark.parametrize(
  "equation", ["BLD,DNH->BLNH", "BLNH,NHD->BLD", "BLD,DF->BLF", "BLF,FD->BLD"]
)
def test_gradients_are_those_of_einsum(equation):
  rng = np.random.default_rng(0)
  factors, out = equation.split("->")
  x, weight, by_y = (
    rng.standard_normal([SIZES[letter] for letter in letters]).astype(np.float32)
    for letters in (*factors.split(","), out)
  )

  def summed(of):
    return lambda x, weight: jnp.sum(by_y * of(equation, x, weight))

  wanted = jax.value_and_grad(summed(jnp.einsum), (0, 1))(x, weight)
  got = jax.jit(jax.value_and_grad(summed(product), (0, 1)))(x, weight)
  jax.tree.map(lambda a, b: assert_allclose(a, b, rtol=1e-5, atol=1e-5), got, wanted)
