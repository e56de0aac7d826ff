"""How likely a checkpoint finds the targets of a batch."""

from collections.abc import Callable
import dataclasses
import json
import pathlib
from typing import Any

from flax import linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from codegen_jax import partitioning
from codegen_jax.checkpoint import params as checkpoint_params
from codegen_jax.errors import InputError
from codegen_jax.models import masks
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.masks import Attention
from codegen_jax.models.transformer import Transformer
from codegen_jax.partitioning import PartitioningConfig
from codegen_jax.training.losses import token_nats
from codegen_jax.types import Array, Batch

Scorer = Callable[[Batch], tuple[Float[Array, "B L"], Bool[Array, "B L"]]]

# The weights are the same, and so is what they mean.
MAY_CHANGE = ("dtype", "remat", "attention_kernel", "unroll")


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
  _refuse_other_model(workdir, model)
  mesh = partitioning.make_mesh(partitioning_config)
  rows = partitioning.batch_sharding(mesh, batch_size)
  network = Transformer(model)

  def init():
    one = jnp.ones((1, 2), jnp.int32)
    return network.init(jax.random.key(0), one, mask=masks.AttentionMask(one, one))["params"]

  boxed = jax.eval_shape(init)
  abstract = jax.tree.map(
    lambda leaf, place: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place),
    nn.unbox(boxed),
    partitioning.state_sharding(boxed, mesh),
  )
  step, params = checkpoint_params.restore_params(workdir / "checkpoints", abstract)

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


def _refuse_other_model(workdir: pathlib.Path, model: TransformerConfig) -> None:
  """Shapes do not tell all: another `rotary_dim` fits the same weights and makes them nonsense."""
  config = workdir / "config.json"
  if not config.exists():
    return
  trained = json.loads(config.read_text())["model"]
  changed = [
    f"{name} was {trained.get(name)!r} and is now {value!r}"
    for name, value in dataclasses.asdict(model).items()
    if trained.get(name) != value and name not in MAY_CHANGE
  ]
  if changed:
    raise InputError(
      f"{workdir} was trained with another model ({'; '.join(changed)}); give the gin files that"
      " trained it"
    )
