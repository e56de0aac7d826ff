"""How wrong the logits are about the next token."""

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from codegen_jax.types import Array


@flax.struct.dataclass
class Loss:
  """Sums over scored targets, so that parts of a batch can be added before they are divided.

  cross_entropy: nats.  z_loss: the squared log of each softmax's normaliser, not yet weighted.
  scored: how many targets both sums are over.
  """

  cross_entropy: Float[Array, ""]
  z_loss: Float[Array, ""]
  scored: Float[Array, ""]


def cross_entropy(
  logits: Float[Array, "B L V"], targets: Int[Array, "B L"]
) -> tuple[Float[Array, "B L"], Float[Array, "B L"]]:
  """Nats of each target, and the log of each softmax's normaliser, both in float32."""
  logits = logits.astype(jnp.float32)
  log_z = jax.nn.logsumexp(logits, axis=-1)
  said = jnp.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
  return log_z - said, log_z


def next_token_loss(
  logits: Float[Array, "B L V"], targets: Int[Array, "B L"], scored: Bool[Array, "B L"]
) -> Loss:
  """The sums that jaxformer's loss is made of (models/decoder/inter/model.py:58)."""
  nats, log_z = cross_entropy(logits, targets)
  return Loss(
    cross_entropy=jnp.sum(nats, where=scored),
    z_loss=jnp.sum(jnp.square(log_z), where=scored),
    scored=jnp.sum(scored, dtype=jnp.float32),
  )
