"""Weights that know the names of their axes: a linear map, two norms, an embedding."""

from typing import Any

from flax import linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from codegen_jax.models.product import product
from codegen_jax.types import Array

# The glossary of axis letters as logical axes: an einsum's letters say where its weight lives.
AXES = {
  "D": "embed",
  "N": "heads",
  "H": "head_dim",
  "F": "mlp",
  "V": "vocab",
}
FLOAT32 = jnp.dtype("float32")
# Of a bias: a vector is gathered in more time than it costs to hold.
VECTOR = {"D": "embed_vector"}


def param(
  module: nn.Module,
  name: str,
  init,
  names: tuple[str, ...],
  shape: tuple[int, ...],
  dtype: jnp.dtype = FLOAT32,
  param_dtype: jnp.dtype = FLOAT32,
) -> Any:
  """A weight of `module` with a logical name for each axis, kept as `param_dtype`, read as `dtype`.

  Vectors are kept in float32: they are few, and next to 1 a bfloat16 has steps of 1/256.
  """

  def draw(key, shape):
    return init(key, shape, FLOAT32).astype(param_dtype)  # the same numbers, rounded

  weight: Any = module.param(name, nn.with_logical_partitioning(draw, names), shape)
  # Said once more for the slice that a layer takes of the stack, as it is read, and so for its
  # gradient: XLA would sum that in full on every device.
  return nn.with_logical_constraint(weight.astype(dtype), names)


class Linear(nn.Module):
  """An einsum with a weight, e.g. `Linear("BLD,DNH->BLNH", (D, N, H))`.

  The weight is made in its final shape.  (`nn.DenseGeneral` reshapes a flat one while it is already
  constrained to a mesh, and fails.)
  """

  equation: str
  shape: tuple[int, ...]
  stddev: float
  dtype: jnp.dtype
  use_bias: bool = False
  param_dtype: jnp.dtype = FLOAT32  # that the kernel is kept in

  @nn.compact
  def __call__(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
    letters = self.equation.split(",")[1].split("->")[0]
    out = self.equation.split("->")[1]
    # Haiku's default for jaxformer: truncated at two standard deviations, not rescaled.
    init = nn.initializers.truncated_normal(self.stddev)
    names = tuple(AXES[letter] for letter in letters)
    kernel = param(self, "kernel", init, names, self.shape, self.dtype, self.param_dtype)
    y = product(self.equation, x.astype(self.dtype), kernel)
    if self.use_bias:
      kept = [letter for letter in letters if letter in out]
      names = tuple(VECTOR.get(letter, AXES[letter]) for letter in kept)
      sizes = tuple(self.shape[letters.index(letter)] for letter in kept)
      y += param(self, "bias", nn.initializers.zeros, names, sizes, self.dtype)
    return y


class LayerNorm(nn.Module):
  """Normalises the last axis in float32, then scales and shifts it."""

  epsilon: float
  dtype: jnp.dtype

  @nn.compact
  def __call__(self, x: Float[Array, "B L D"]) -> Float[Array, "B L D"]:
    scale = param(self, "scale", nn.initializers.ones, ("embed_vector",), x.shape[-1:])
    bias = param(self, "bias", nn.initializers.zeros, ("embed_vector",), x.shape[-1:])
    x = x.astype(jnp.float32)
    centred = x - jnp.mean(x, axis=-1, keepdims=True)
    variance = jnp.mean(jnp.square(centred), axis=-1, keepdims=True)
    return (centred * jax.lax.rsqrt(variance + self.epsilon) * scale + bias).astype(self.dtype)


class RMSNorm(nn.Module):
  """Divides the last axis by its root mean square in float32, then scales it."""

  epsilon: float
  dtype: jnp.dtype

  @nn.compact
  def __call__(self, x: Float[Array, "B L D"]) -> Float[Array, "B L D"]:
    scale = param(self, "scale", nn.initializers.ones, ("embed_vector",), x.shape[-1:])
    x = x.astype(jnp.float32)
    mean_square = jnp.mean(jnp.square(x), axis=-1, keepdims=True)
    return (x * jax.lax.rsqrt(mean_square + self.epsilon) * scale).astype(self.dtype)


class Embedding(nn.Module):
  """One row a token."""

  vocab_size: int
  embed_dim: int
  dtype: jnp.dtype
  param_dtype: jnp.dtype = FLOAT32

  @nn.compact
  def __call__(self, tokens: Int[Array, "B L"]) -> Float[Array, "B L D"]:
    # jaxformer embeds with a linear map over one-hot tokens, so the fan-in is the vocabulary.
    init = nn.initializers.truncated_normal(self.vocab_size**-0.5)
    shape = (self.vocab_size, self.embed_dim)
    # Read in float32, in which the gradients of a token that occurs often are added up.
    table = param(self, "table", init, ("vocab", "embed"), shape, param_dtype=self.param_dtype)
    # Whole rows are gathered first: looked up in a table split along D, XLA copies the activations.
    table = nn.with_logical_constraint(table, ("vocab", "embed_act"))
    return jnp.take(table, tokens, axis=0).astype(self.dtype)
