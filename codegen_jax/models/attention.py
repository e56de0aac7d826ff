"""Attention as a function of queries, keys, values and a mask, computed in one of five ways."""

from collections.abc import Callable
import functools
from typing import Literal

from flax import linen as nn
import jax
from jax.ad_checkpoint import checkpoint_name
import jax.numpy as jnp
from jaxtyping import Float

from codegen_jax.errors import InputError
from codegen_jax.kernels import prefix_attention, readers
from codegen_jax.models import blockwise
from codegen_jax.models.masks import AttentionMask
from codegen_jax.types import Array

# Finite, so that a position that may read nothing gets an average and not a NaN.
MASKED = -1e10

Kernel = Literal["reference", "blockwise", "fused", "cudnn", "flash"]


def attend(
  q: Float[Array, "B L N H"],
  k: Float[Array, "B S N H"],
  v: Float[Array, "B S N H"],
  mask: AttentionMask,
  kernel: Kernel = "reference",
) -> Float[Array, "B L N H"]:
  """What each query reads, named "context" where the backward pass would keep it.

  Args:
    q: queries.
    k: keys.
    v: values.
    mask: who may read whom.
    kernel: "reference" computes every score, its softmax in float32.  "blockwise" is a
      CPU's, and a causal block skips the keys that come after it (`models.blockwise`).  "fused"
      leaves the fusing to XLA (`jax.nn.dot_product_attention`, as it comes).  "cudnn" is an NVIDIA
      GPU's, in bfloat16 or float16: the mask of a row is made, its scores are not.  "flash" is a
      TPU's, and makes neither of a whole row (`kernels.prefix_attention`).
  """
  return KERNELS[kernel](q, k, v, mask)


def _reference(q: Array, k: Array, v: Array, mask: AttentionMask) -> Array:
  scores = jnp.einsum("BLNH,BSNH->BNLS", q, k, preferred_element_type=jnp.float32)
  scores = jnp.where(mask.dense()[:, None], scores * q.shape[-1] ** -0.5, MASKED)
  weights = jax.nn.softmax(scores, axis=-1).astype(v.dtype)
  return checkpoint_name(jnp.einsum("BNLS,BSNH->BLNH", weights, v), "context")


def _fused(q: Array, k: Array, v: Array, mask: AttentionMask) -> Array:
  read = jax.nn.dot_product_attention(q, k, v, mask=mask.dense()[:, None])
  return checkpoint_name(read, "context")


def _cudnn(q: Array, k: Array, v: Array, mask: AttentionMask) -> Array:
  if q.dtype not in (jnp.bfloat16, jnp.float16):
    raise InputError(
      f"attention_kernel='cudnn' computes in bfloat16 or float16 and not in {q.dtype}; set dtype to"
      " 'bfloat16', or attention_kernel to 'fused'"
    )
  try:
    read = jax.nn.dot_product_attention(q, k, v, mask=mask.dense()[:, None], implementation="cudnn")
  except RuntimeError as error:
    raise InputError(
      f"attention_kernel='cudnn' needs an NVIDIA GPU and its cuDNN ({error}); set it to 'fused'"
    ) from error
  return checkpoint_name(read, "context")


def _flash(q: Array, k: Array, v: Array, mask: AttentionMask) -> Array:
  intervals = readers.intervals(mask.segment_ids, mask.positions, mask.prefix_mask)

  def local(q, k, v, intervals):
    # Decided when the program is lowered, which may be for TPUs that this process does not have.
    compiled, interpreted = (
      functools.partial(prefix_attention.attention, interpret=interpret)
      for interpret in (False, True)
    )
    return jax.lax.platform_dependent(q, k, v, intervals, tpu=compiled, default=interpreted)

  if jax.sharding.get_abstract_mesh().empty:
    return local(q, k, v, intervals)
  # XLA cannot split a program that it did not write, so each device is given its part.
  heads = nn.logical_to_mesh_axes(("batch", "length", "heads", "head_dim"))
  rows = nn.logical_to_mesh_axes(("batch", "length"))
  split = jax.shard_map(
    local, in_specs=(heads, heads, heads, rows), out_specs=heads, check_vma=False
  )
  return split(q, k, v, intervals)


KERNELS: dict[str, Callable[[Array, Array, Array, AttentionMask], Array]] = {
  "reference": _reference,
  "blockwise": blockwise.attention,
  "fused": _fused,
  "cudnn": _cudnn,
  "flash": _flash,
}
