"""AdamW as jaxformer ran it: its schedule, its clipping, its weight decay; or Adafactor."""

from collections.abc import Callable
import dataclasses
from typing import Literal

from flax import linen as nn
import jax
import jax.numpy as jnp
import optax

from codegen_jax.errors import InputError
from codegen_jax.training import adafactor
from codegen_jax.types import Params, PyTree

WeightDecayMask = Literal["jaxformer", "matrices"]
Dtype = Literal["float32", "bfloat16"]
Kind = Literal["adam", "adafactor"]

EMBEDDING = "embedding"  # of the weights, the table with a row for each id


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
  """Adam with decoupled weight decay and a warmed-up cosine (facts of CodeGen's own configs).

  Attributes:
    peak_learning_rate: reached at the end of the warm-up.
    end_learning_rate: reached at the end of the cosine, and kept from there on.
    warmup_steps: steps of the linear rise from 0; the first update has rate 0.
    anneal_steps: steps of the cosine, counted from the end of the warm-up.
    clip_norm: the gradient is scaled down to this global norm where it is longer.
    weight_decay: pulls the weights of `weight_decay_mask` towards 0 at this times the rate.
    weight_decay_mask: "matrices" decays what multiplies activations; "jaxformer" decays what has
      more than one axis after layers are stacked, so the blocks' norms and biases too.
    first_moment_dtype: that Adam's mean gradient is kept in; "bfloat16" halves it.  The second
      moment is float32 (in bfloat16 it would stand still: it moves by a thousandth at a time), and
      so is the arithmetic of an update, whatever type the weights have.
    trained_rows: the first row of the embedding that is trained, and the one behind the last;
      nothing else is, and nothing decays: prompt tuning.  Other weights have no moments.
    kind: "adafactor" is `optax.adafactor` under the same schedule: of a matrix it keeps the mean of
      the squared gradient over rows and over columns.  It scales and clips each weight's update by
      itself, so nothing else that stands above is read.
  """

  peak_learning_rate: float
  end_learning_rate: float
  warmup_steps: int
  anneal_steps: int
  b1: float = 0.9
  b2: float = 0.999
  epsilon: float = 1e-8
  clip_norm: float = 1.0
  weight_decay: float = 0.1
  weight_decay_mask: WeightDecayMask = "jaxformer"
  first_moment_dtype: Dtype = "float32"
  trained_rows: tuple[int, int] | None = None
  kind: Kind = "adam"

  def __post_init__(self):
    if not 0 <= self.end_learning_rate <= self.peak_learning_rate:
      raise InputError(
        f"end_learning_rate is {self.end_learning_rate}; it must lie between 0 and"
        f" peak_learning_rate ({self.peak_learning_rate})"
      )
    if self.warmup_steps < 0 or self.anneal_steps < 1:
      raise InputError(
        f"warmup_steps is {self.warmup_steps} and anneal_steps {self.anneal_steps}; they must be at"
        " least 0 and 1"
      )
    if self.trained_rows is not None and not 0 <= self.trained_rows[0] < self.trained_rows[1]:
      raise InputError(
        f"trained_rows is {self.trained_rows}; it is the first row and the one behind the last"
      )


def schedule(config: OptimizerConfig) -> optax.Schedule:
  """Step -> learning rate (jaxformer/utils.py:148)."""

  def rate(step):
    step = jnp.asarray(step, jnp.float32)
    warming = config.peak_learning_rate * step / max(config.warmup_steps, 1)
    annealed = jnp.clip((step - config.warmup_steps) / config.anneal_steps, 0.0, 1.0)
    fall = (config.peak_learning_rate - config.end_learning_rate) * (1 - jnp.cos(jnp.pi * annealed))
    return jnp.where(step < config.warmup_steps, warming, config.peak_learning_rate - fall / 2)

  return rate


def make_optimizer(config: OptimizerConfig) -> optax.GradientTransformation:
  if config.kind == "adafactor":
    factored = adafactor.make(schedule(config))
    rows = config.trained_rows
    return _in_float32(factored if rows is None else _of_rows(factored, *rows))
  mu_dtype = jnp.dtype(config.first_moment_dtype)
  clip = optax.clip_by_global_norm(config.clip_norm)
  adam = optax.scale_by_adam(b1=config.b1, b2=config.b2, eps=config.epsilon, mu_dtype=mu_dtype)
  rate = optax.scale_by_learning_rate(schedule(config))
  if config.trained_rows is not None:
    return _in_float32(_of_rows(optax.chain(clip, adam, rate), *config.trained_rows))
  decay = optax.add_decayed_weights(config.weight_decay, _decayed(config.weight_decay_mask))
  return _in_float32(optax.chain(clip, adam, decay, rate))


def learned(config: OptimizerConfig) -> Callable[[Params], Params] | None:
  """Hands on weights, without a gradient where they stand still: it need not be computed then.

  None where all of them are trained.
  """
  if config.trained_rows is None:
    return None

  def without(params: Params) -> Params:
    still = jax.tree.map(jax.lax.stop_gradient, params)
    return {**still, EMBEDDING: params[EMBEDDING]}

  return without


def _of_rows(
  inner: optax.GradientTransformation, first: int, stop: int
) -> optax.GradientTransformation:
  """Of these rows of the embedding; other weights stand still, and nothing is kept of them."""

  def row(grad):
    place = jnp.arange(grad.shape[0])[:, None]
    return jnp.where((place >= first) & (place < stop), grad, 0)

  def update(grads, state, params):
    tuned, state = inner.update(
      {EMBEDDING: jax.tree.map(row, grads[EMBEDDING])}, state, {EMBEDDING: params[EMBEDDING]}
    )
    return {**jax.tree.map(jnp.zeros_like, grads), **tuned}, state

  return optax.GradientTransformation(
    lambda params: inner.init({EMBEDDING: params[EMBEDDING]}), update
  )


def _in_float32(inner: optax.GradientTransformation) -> optax.GradientTransformation:
  """The same for weights and gradients of any type; a sum is rounded when it becomes a weight."""

  def lift(tree: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float32), tree)

  return optax.GradientTransformation(
    lambda params: inner.init(lift(params)),
    lambda grads, state, params=None: inner.update(lift(grads), state, lift(params)),
  )


def _decayed(mask: WeightDecayMask):
  """Which weights decay, from their shapes alone: blocks are stacked along a first axis."""

  def decays(path, leaf) -> bool:
    stacked = mask == "matrices" and any(getattr(key, "key", None) == "blocks" for key in path)
    is_bias = mask == "matrices" and getattr(path[-1], "key", None) == "bias"
    return leaf.ndim - stacked > 1 and not is_bias

  def over(params: Params) -> PyTree:
    # While axis names are still attached, each box stands for its array.
    return jax.tree_util.tree_map_with_path(decays, nn.unbox(params))

  return over
