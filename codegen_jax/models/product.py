"""An activation times a weight, whose gradients are products that a CPU is fast at too."""

import functools
import math

import jax
import jax.numpy as jnp
from jaxtyping import Float

from codegen_jax.types import Array


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def product(
  equation: str, x: Float[Array, "..."], weight: Float[Array, "..."]
) -> Float[Array, "..."]:
  """`jnp.einsum(equation, x, weight)`, e.g. "BLD,DNH->BLNH".

  JAX derives a weight's gradient as a product of (y, x) that it turns round, which XLA's CPU
  backend runs at a third of its speed.  Here it is made as the weight lies.
  """
  return jnp.einsum(equation, x, weight)


def _forward(equation, x, weight):
  return product(equation, x, weight), (x, weight)


def _backward(equation, kept, by_y):
  x, weight = kept
  into, of_weight, out = _letters(equation)
  by_x = jnp.einsum(f"{out},{of_weight}->{into}", by_y, weight)
  shared = [letter for letter in of_weight if letter in into]
  made = [letter for letter in of_weight if letter in out]
  sizes = dict(zip(of_weight, weight.shape, strict=True))
  rows, columns = (math.prod(sizes[letter] for letter in letters) for letters in (shared, made))
  turned = "".join(made + shared)

  def direct(x, by_y):
    return jnp.einsum(f"{into},{out}->{of_weight}", x, by_y)

  def across(x, by_y):
    by_weight = jnp.einsum(f"{out},{into}->{turned}", by_y, x)
    # Without the barrier XLA turns the product back.
    return jnp.einsum(f"{turned}->{of_weight}", jax.lax.optimization_barrier(by_weight))

  if rows <= columns:
    return by_x, direct(x, by_y)
  # A CPU wants the shorter side first.
  return by_x, jax.lax.platform_dependent(x, by_y, cpu=across, default=direct)


product.defvjp(_forward, _backward)


def _letters(equation: str) -> tuple[str, str, str]:
  """Of both factors and of the product."""
  factors, out = equation.split("->")
  into, of_weight = factors.split(",")
  return into, of_weight, out
