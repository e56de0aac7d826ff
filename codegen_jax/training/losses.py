"""How wrong a network is about the next token, without ever holding all of its logits.

B x L x 51,200 logits in float32 are the largest array of a training step, several times over.  Here
they are made for a part of each row at a time, and so is their gradient: once the softmax of a part
is known, what it says to the weights is known too, and nothing is computed a second time.
"""

import functools
from typing import Any

from flax import linen as nn
import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from codegen_jax import partitioning
from codegen_jax.models.head import HeadParams, head_logits
from codegen_jax.types import Array, PyTree

Parts = tuple[Array, Array, Array]  # hidden, targets, scored


@flax.struct.dataclass
class Loss:
  """Sums over scored targets, so that parts of a batch can be added before they are divided.

  cross_entropy: nats.  z_loss: the squared log of each softmax's normaliser, not yet weighted.
  scored: how many targets both sums are over.
  """

  cross_entropy: Float[Array, ""]
  z_loss: Float[Array, ""]
  scored: Float[Array, ""]

  @classmethod
  def none(cls) -> "Loss":
    return cls(*[jnp.zeros((), jnp.float32)] * 3)


def cross_entropy(
  logits: Float[Array, "*tokens V"], targets: Int[Array, "*tokens"]
) -> tuple[Float[Array, "*tokens"], Float[Array, "*tokens"]]:
  """Nats of each target, and the log of each softmax's normaliser, both in float32."""
  logits = logits.astype(jnp.float32)
  log_z = jax.nn.logsumexp(logits, axis=-1)
  return log_z - _said(logits, targets), log_z


def token_nats(
  hidden: Float[Array, "B L D"], head: HeadParams, targets: Int[Array, "B L"], *, chunks: int
) -> Float[Array, "B L"]:
  """Nats of each target."""

  def of_chunk(part: tuple[Array, Array]) -> Array:
    return cross_entropy(head_logits(part[0], head), part[1])[0]

  return _joined(jax.lax.map(of_chunk, (_split(hidden, chunks), _split(targets, chunks))))


@functools.partial(jax.custom_vjp, nondiff_argnums=(4, 5))
def next_token_loss(
  hidden: Float[Array, "B L D"],
  head: HeadParams,
  targets: Int[Array, "B L"],
  scored: Bool[Array, "B L"],
  z_loss: float,
  chunks: int,
) -> tuple[Float[Array, ""], Loss]:
  """What is minimised, summed, and the sums it is made of (jaxformer's model.py:58).

  Only the first has a gradient, and only by `hidden` and `head`.

  Args:
    hidden: what the head reads.
    head: the last linear map.
    targets: the next tokens.
    scored: which of them count.
    z_loss: weight of the squared log-normaliser.
    chunks: parts that a row is cut into; it divides L.
  """
  parts: Parts = (_split(hidden, chunks), _split(targets, chunks), _split(scored, chunks))

  def add(total: Loss, part: Parts) -> tuple[Loss, None]:
    x, targets, scored = part
    return _add(total, _summed(*cross_entropy(head_logits(x, head), targets), scored)), None

  loss, _ = jax.lax.scan(add, Loss.none(), parts)
  return loss.cross_entropy + z_loss * loss.z_loss, loss


def _forward(hidden, head, targets, scored, z_loss, chunks):
  """The loss, and the gradient of what is minimised, which `_backward` only has to scale.

  G are the groups of rows that the mesh keeps on one device.  Each adds up a gradient of the head
  of its own, and the sum over devices is made once, not once a part.
  """
  groups = partitioning.parts("batch")
  parts: Any = tuple(_grouped(x, groups, chunks) for x in (hidden, targets, scored))
  # Gathered once, for all parts.
  kernel = nn.with_logical_constraint(head["kernel"].astype(hidden.dtype), ("embed_act", "vocab"))
  whole = {**head, "kernel": kernel}

  def add(carry: PyTree, part: Parts) -> tuple[PyTree, Array]:
    total, grads = carry
    x, targets, scored = part
    logits = head_logits(x, whole)
    # So many exponentials take as long as a product with the head: they are made once.
    highest = jnp.max(logits, axis=-1)
    powers = jnp.exp(logits - highest[..., None])
    total_power = jnp.sum(powers, axis=-1)
    log_z = highest + jnp.log(total_power)
    loss = _summed(log_z - _said(logits, targets), log_z, scored)
    # Of nats + z_loss * log_z ** 2 by the logits: p - 1[target] + 2 z_loss log_z p.
    by_power = jnp.where(scored, (1 + 2 * z_loss * log_z) / total_power, 0)
    is_target = jnp.arange(logits.shape[-1]) == jnp.where(scored, targets, -1)[..., None]
    by_logits = (powers * by_power[..., None] - is_target).astype(x.dtype)
    by_kernel = jnp.einsum("GBLD,GBLV->GDV", x, by_logits, preferred_element_type=jnp.float32)
    new = {"kernel": by_kernel}
    if "bias" in head:
      new["bias"] = jnp.sum(by_logits, (1, 2), dtype=jnp.float32)
    by_hidden = jnp.einsum("GBLV,DV->GBLD", by_logits, kernel)
    return (_add(total, loss), jax.tree.map(jnp.add, grads, new)), by_hidden

  axes = {"kernel": ("batch", "embed_act", "vocab"), "bias": ("batch", "vocab")}
  empty = {
    name: nn.with_logical_constraint(jnp.zeros((groups, *weight.shape), jnp.float32), axes[name])
    for name, weight in head.items()
  }
  (loss, by_head), by_hidden = jax.lax.scan(add, (Loss.none(), empty), parts)
  by_head = {name: jnp.sum(grad, axis=0).astype(head[name].dtype) for name, grad in by_head.items()}
  by_hidden = _ungrouped(by_hidden)
  return (loss.cross_entropy + z_loss * loss.z_loss, loss), (by_hidden, by_head)


def _backward(z_loss, chunks, gradients, cotangents):
  del z_loss, chunks
  scale = cotangents[0]
  return *jax.tree.map(lambda grad: (grad * scale).astype(grad.dtype), gradients), None, None


next_token_loss.defvjp(_forward, _backward)


def _said(
  logits: Float[Array, "*tokens V"], targets: Int[Array, "*tokens"]
) -> Float[Array, "*tokens"]:
  return jnp.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]


def _summed(
  nats: Float[Array, "*tokens"], log_z: Float[Array, "*tokens"], scored: Bool[Array, "*tokens"]
) -> Loss:
  return Loss(
    cross_entropy=jnp.sum(nats, where=scored),
    z_loss=jnp.sum(jnp.square(log_z), where=scored),
    scored=jnp.sum(scored, dtype=jnp.float32),
  )


def _add(total: Loss, part: Loss) -> Loss:
  return jax.tree.map(jnp.add, total, part)


def _split(x: Array, chunks: int) -> Array:
  """[B, L, ...] -> [chunks, B, L / chunks, ...]: every device keeps its rows."""
  batch, length, *rest = x.shape
  return jnp.moveaxis(x.reshape(batch, chunks, length // chunks, *rest), 1, 0)


def _grouped(x: Array, groups: int, chunks: int) -> Array:
  """[B, L, ...] -> [chunks, G, B / G, L / chunks, ...]"""
  batch, length, *rest = x.shape
  x = x.reshape(groups, batch // groups, chunks, length // chunks, *rest)
  x = jnp.moveaxis(x, 2, 0)
  return nn.with_logical_constraint(x, (None, "batch", *[None] * (x.ndim - 2)))


def _ungrouped(x: Array) -> Array:
  """[chunks, G, b, l, ...] -> [G * b, chunks * l, ...]"""
  chunks, groups, batch, length, *rest = x.shape
  x = jnp.moveaxis(x, 0, 2).reshape(groups * batch, chunks * length, *rest)
  return nn.with_logical_constraint(x, ("batch", *[None] * (x.ndim - 1)))


def _joined(x: Array) -> Array:
  """[chunks, B, l, ...] -> [B, chunks * l, ...]"""
  chunks, batch, length, *rest = x.shape
  return jnp.moveaxis(x, 0, 1).reshape(batch, chunks * length, *rest)
