"""How likely a checkpoint finds the targets of a batch."""

from collections.abc import Callable
import pathlib
from typing import Any

import jax
from jaxtyping import Bool, Float

from codegen_jax import partitioning
from codegen_jax.inference import loading
from codegen_jax.models import masks
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.masks import Attention
from codegen_jax.partitioning import PartitioningConfig
from codegen_jax.training.losses import token_nats
from codegen_jax.types import Array, Batch

Scorer = Callable[[Batch], tuple[Float[Array, "B L"], Bool[Array, "B L"]]]


def load_scorer(
  workdir: pathlib.Path,
  *,
  model: TransformerConfig,
  attention: Attention,
  partitioning_config: PartitioningConfig,
  batch_size: int,
  loss_chunks: int = 1,
) -> tuple[int, Scorer]:
  """The newest step of a run, and a function: batch -> nats of each target, which of them count.

  A target counts when the batch's objective scores it and `attention` does not already show it.

  Raises:
    InputError: the workdir holds no checkpoint of this model, or the mesh cannot be made.
  """
  step, params, network, mesh = loading.load(
    workdir, model=model, partitioning_config=partitioning_config
  )
  rows = partitioning.batch_sharding(mesh, batch_size)

  @jax.jit
  def score(params, batch):
    mask = masks.training_mask(batch, attention)
    hidden: Any = network.apply({"params": params}, batch.inputs, mask=mask, logits=False)
    nats = token_nats(hidden, params["head"], batch.targets, chunks=loss_chunks)
    return nats, masks.scored_targets(batch, attention)

  def scorer(batch: Batch) -> tuple[Array, Array]:
    with partitioning.on(mesh, partitioning_config.rules):
      return jax.device_get(score(params, jax.device_put(batch, rows)))

  return step, scorer
