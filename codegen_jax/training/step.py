"""One update, as a pure function of state and batch."""

from collections.abc import Callable
import functools
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
  learned: Callable[[Params], Params] | None = None,
) -> Callable[[TrainState, Batch], tuple[TrainState, Metrics]]:
  """A step that minimises the mean over the batch's scored targets.

  Microbatches change memory and nothing else: they are summed, and the sum is divided once by the
  targets that the whole batch scores.  (Averaging the means of microbatches would weigh a target by
  how few others its microbatch happens to score.)  Of the logits, one of `loss_chunks` parts exists
  at a time.  `learned` hands on the weights, those that stand still without their gradient.

  Where the loss or the gradient is not finite, parameters and optimizer stay as they are and
  `skipped` is 1: one NaN that reaches clipping by the global norm would make every weight a NaN.
  """
  gradient = make_gradient(
    model,
    attention=attention,
    z_loss=z_loss,
    microbatches=microbatches,
    loss_chunks=loss_chunks,
    learned=learned,
  )

  def train_step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
    grads, metrics = gradient(state.params, batch)
    finite = functools.reduce(jnp.logical_and, map(jnp.isfinite, metrics.values()))
    metrics["skipped"] = 1 - finite.astype(jnp.int32)

    def update(state: TrainState) -> tuple[Params, PyTree]:
      updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
      return optax.apply_updates(state.params, updates), opt_state

    # One branch or the other: to choose between finished arrays costs a CPU 3% of a small step.
    params, opt_state = jax.lax.cond(
      finite, update, lambda state: (state.params, state.opt_state), state
    )
    return TrainState(state.step + 1, params, opt_state), metrics

  return train_step


def make_gradient(
  model: Transformer,
  *,
  attention: Attention,
  z_loss: float = 0.0,
  microbatches: int = 1,
  loss_chunks: int = 1,
  learned: Callable[[Params], Params] | None = None,
) -> Callable[[Params, Batch], tuple[Params, Metrics]]:
  """The gradient of the mean over the batch's scored targets, and what was measured on the way."""
  summed_loss = make_summed_loss(model, attention=attention, z_loss=z_loss, loss_chunks=loss_chunks)

  def of_learned(params: Params, batch: Batch) -> tuple[Array, Loss]:
    return summed_loss(learned(params) if learned else params, batch)

  of_part = jax.grad(of_learned, has_aux=True)

  def gradient(params: Params, batch: Batch) -> tuple[Params, Metrics]:
    if microbatches == 1:
      grads, loss = of_part(params, batch)
    else:
      zeros = jax.tree.map(lambda weight: jnp.zeros_like(weight, jnp.float32), params)
      empty = zeros, Loss.none()
      parts = {name: _split(rows, microbatches) for name, rows in vars(batch).items()}
      (grads, loss), _ = jax.lax.scan(
        lambda total, part: (_add(total, of_part(params, Batch(**part))), None), empty, parts
      )
    # A batch may score nothing at all (every row a prefix): then nothing is learnt, without a NaN.
    scored = jnp.maximum(loss.scored, 1.0)
    grads = jax.tree.map(lambda grad: grad / scored, grads)
    return grads, {
      "loss": loss.cross_entropy / scored,
      "z_loss": loss.z_loss / scored,
      "scored_tokens": loss.scored.astype(jnp.int32),
      "all_tokens": jnp.sum(batch.segment_ids > 0, dtype=jnp.int32),
      "grad_norm": optax.global_norm(grads),
    }

  return gradient


def make_summed_loss(
  model: Transformer, *, attention: Attention, z_loss: float = 0.0, loss_chunks: int = 1
) -> Callable[[Params, Batch], tuple[Array, Loss]]:
  """What is minimised, summed over the batch's scored targets, and the sums it is made of."""

  def summed_loss(params: Params, batch: Batch) -> tuple[Array, Loss]:
    mask = masks.training_mask(batch, attention)
    hidden: Any = model.apply({"params": params}, batch.inputs, mask=mask, logits=False)
    scored = masks.scored_targets(batch, attention)
    return next_token_loss(hidden, params["head"], batch.targets, scored, z_loss, loss_chunks)

  return summed_loss


def _add(total: PyTree, part: PyTree) -> PyTree:
  return jax.tree.map(jnp.add, total, part)


def _split(rows: jax.Array, parts: int) -> jax.Array:
  """[B, ...] -> [parts, B / parts, ...], every part spread over all devices that share the rows."""
  return jnp.moveaxis(rows.reshape(rows.shape[0] // parts, parts, *rows.shape[1:]), 1, 0)
