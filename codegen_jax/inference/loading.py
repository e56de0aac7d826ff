"""A run's weights, on a mesh: what every use of a checkpoint begins with."""

import dataclasses
import json
import pathlib
from typing import NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from codegen_jax import partitioning
from codegen_jax.checkpoint import params as checkpoint_params
from codegen_jax.errors import InputError
from codegen_jax.models import masks
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.transformer import Transformer
from codegen_jax.partitioning import PartitioningConfig
from codegen_jax.types import Params

# The weights are the same, and so is what they mean.
MAY_CHANGE = ("dtype", "remat", "attention_kernel", "unroll")


class Loaded(NamedTuple):
  """step: of the checkpoint.  params: in stacks of layers, where the mesh wants them."""

  step: int
  params: Params
  network: Transformer
  mesh: Mesh


def load(
  workdir: pathlib.Path,
  *,
  model: TransformerConfig,
  partitioning_config: PartitioningConfig,
  step: int | None = None,
) -> Loaded:
  """A step of a run, the newest unless one is named.

  Raises:
    InputError: the workdir holds no checkpoint of this model, or the mesh cannot be made.
  """
  _refuse_other_model(workdir, model)
  mesh = partitioning.make_mesh(partitioning_config)
  network = Transformer(model)

  abstract = abstract_params(network, mesh)
  step, params = checkpoint_params.restore_params(workdir / "checkpoints", abstract, step)
  return Loaded(step, params, network, mesh)


def abstract_params(network: Transformer, mesh: Mesh) -> Params:
  """Shape, type and place of each weight; nothing is allocated."""

  def init():
    one = jnp.ones((1, 2), jnp.int32)
    return network.init(jax.random.key(0), one, mask=masks.AttentionMask(one, one))["params"]

  boxed = jax.eval_shape(init)
  return jax.tree.map(
    lambda leaf, place: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place),
    nn.unbox(boxed),
    partitioning.state_sharding(boxed, mesh),
  )


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
