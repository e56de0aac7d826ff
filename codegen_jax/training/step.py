"""One update, as a pure function of state and batch."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from codegen_jax.models import masks
from codegen_jax.models.masks import Attention
from codegen_jax.models.transformer import Transformer
from codegen_jax.training.losses import Loss, next_token_loss
from codegen_jax.training.state import TrainState
from codegen_jax.types import Array, Batch, Metrics, Params, PyTree


def make_train_step(
  model: Transformer,
  optimizer: optax.GradientTransformation,
  *,
  attention: Attention,
  z_loss: float = 0.0,
  microbatches: int = 1,
  loss_chunks: int = 1,
) -> Callable[[TrainState, Batch], tuple[TrainState, Metrics]]:
  """A step that minimises the mean over the batch's scored targets.

  Microbatches change memory and nothing else: they are summed, and the sum is divided once by the
  targets that the whole batch scores.  (Averaging the means of microbatches would weigh a target by
  how few others its microbatch happens to score.)  Of the logits, one of `loss_chunks` parts exists
  at a time.
  """

  def summed_loss(params: Params, batch: Batch) -> tuple[Array, Loss]:
    mask = masks.training_mask(batch, attention)
    hidden: Any = model.apply({"params": params}, batch.inputs, mask=mask, logits=False)
    scored = masks.scored_targets(batch, attention)
    return next_token_loss(hidden, params["head"], batch.targets, scored, z_loss, loss_chunks)

  gradient = jax.grad(summed_loss, has_aux=True)

  def train_step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
    if microbatches == 1:
      grads, loss = gradient(state.params, batch)
    else:
      zeros = jax.tree.map(lambda weight: jnp.zeros_like(weight, jnp.float32), state.params)
      empty = zeros, Loss.none()
      parts = {name: _split(rows, microbatches) for name, rows in vars(batch).items()}
      (grads, loss), _ = jax.lax.scan(
        lambda total, part: (_add(total, gradient(state.params, Batch(**part))), None), empty, parts
      )
    # A batch may score nothing at all (every row a prefix): then nothing is learnt, without a NaN.
    scored = jnp.maximum(loss.scored, 1.0)
    grads = jax.tree.map(lambda grad: grad / scored, grads)
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics = {
      "loss": loss.cross_entropy / scored,
      "z_loss": loss.z_loss / scored,
      "scored_tokens": loss.scored.astype(jnp.int32),
      "all_tokens": jnp.sum(batch.segment_ids > 0, dtype=jnp.int32),
      "grad_norm": optax.global_norm(grads),
    }
    return TrainState(state.step + 1, params, opt_state), metrics

  return train_step


def _add(total: PyTree, part: PyTree) -> PyTree:
  return jax.tree.map(jnp.add, total, part)


def _split(rows: jax.Array, parts: int) -> jax.Array:
  """[B, ...] -> [parts, B / parts, ...], every part spread over all devices that share the rows."""
  return jnp.moveaxis(rows.reshape(rows.shape[0] // parts, parts, *rows.shape[1:]), 1, 0)
