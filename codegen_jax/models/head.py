"""The last linear map: what the network read, as logits of the next token."""

from collections.abc import Mapping
from typing import Any

from flax import linen as nn
import jax.numpy as jnp
from jaxtyping import Float

from codegen_jax.models.layers import FLOAT32, param
from codegen_jax.types import Array

HeadParams = Mapping[str, Array]  # kernel [D, V] and, where there is one, bias [V]


def head_logits(hidden: Float[Array, "B *more D"], head: HeadParams) -> Float[Array, "B *more V"]:
  """In float32, whatever the network computes in."""
  kernel = head["kernel"].astype(hidden.dtype)
  logits = jnp.einsum("...D,DV->...V", hidden, kernel, preferred_element_type=jnp.float32)
  if "bias" in head:
    logits += head["bias"].astype(jnp.float32)
  return nn.with_logical_constraint(logits, ("batch", *[None] * (logits.ndim - 2), "vocab"))


class Head(nn.Module):
  """`head_logits` with weights of its own."""

  vocab_size: int
  has_bias: bool
  param_dtype: jnp.dtype = FLOAT32

  @nn.compact
  def __call__(self, hidden: Float[Array, "B L D"]) -> Float[Array, "B L V"]:
    d = hidden.shape[-1]
    init = nn.initializers.truncated_normal(d**-0.5)
    kernel = param(
      self, "kernel", init, ("embed", "vocab"), (d, self.vocab_size), param_dtype=self.param_dtype
    )
    head: dict[str, Any] = {"kernel": kernel}
    if self.has_bias:
      head["bias"] = param(self, "bias", nn.initializers.zeros, ("vocab",), (self.vocab_size,))
    return head_logits(hidden, head)
