"""How likely weights find the targets of a batch."""

from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import Mesh
from jaxtyping import Bool, Float

from codegen_jax import partitioning
from codegen_jax.models import masks
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.masks import Attention
from codegen_jax.models.transformer import Transformer
from codegen_jax.partitioning import PartitioningConfig
from codegen_jax.training.losses import token_nats
from codegen_jax.types import Array, Batch, Params

Scored = tuple[Float[Array, "B L"], Bool[Array, "B L"]]
Scorer = Callable[[Batch], Scored]


def make_score(
  mesh: Mesh,
  *,
  model: TransformerConfig,
  attention: Attention,
  partitioning_config: PartitioningConfig,
  batch_size: int,
  loss_chunks: int = 1,
) -> Callable[[Params, Batch], Scored]:
  """A function: weights, batch -> nats of each target, which of them count.

  A target counts when the batch's objective scores it and `attention` does not already show it.
  Every process is given the whole batch and gets all of the answer.

  Raises:
    InputError: the mesh does not divide the batch.
  """
  network = Transformer(model)
  rows = partitioning.batch_sharding(mesh, batch_size)

  @jax.jit(out_shardings=partitioning.replicated(mesh))
  def score(params, batch):
    mask = masks.training_mask(batch, attention)
    hidden: Any = network.apply({"params": params}, batch.inputs, mask=mask, logits=False)
    nats = token_nats(hidden, params["head"], batch.targets, chunks=loss_chunks)
    return nats, masks.scored_targets(batch, attention)

  def scorer(params: Params, batch: Batch) -> Scored:
    with partitioning.on(mesh, partitioning_config.rules):
      return jax.device_get(score(params, jax.device_put(batch, rows)))

  return scorer
