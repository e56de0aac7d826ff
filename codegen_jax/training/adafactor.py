"""optax's Adafactor, whose state knows the axes it lies along, so that it is split as weights are.

weight  (embed, mlp)      v_row  (embed,)      v_col  (mlp,)
"""

from flax import linen as nn
import jax
import numpy as np
import optax

from codegen_jax.types import Params, PyTree

FACTORED = 128  # axes of a weight that is factored are at least so long (optax's default)


def make(rate: optax.Schedule) -> optax.GradientTransformation:
  """Of weights that are stacked, all layers are one weight, whose two longest axes are factored."""
  inner = optax.adafactor(rate, min_dim_size_to_factor=FACTORED)

  def init(params: Params) -> PyTree:
    return jax.tree.map(
      lambda part: _named(part, params) if isinstance(part, optax.FactoredState) else part,
      inner.init(params),
      is_leaf=lambda part: isinstance(part, optax.FactoredState),
    )

  return optax.GradientTransformation(init, inner.update)


def _named(state: optax.FactoredState, params: Params) -> optax.FactoredState:
  """Optax copies a weight's names to arrays that lack one of its axes, or all."""

  def over(part: PyTree, kept) -> PyTree:
    def boxed(leaf) -> bool:
      return isinstance(leaf, nn.LogicallyPartitioned)

    def name(box, weight):
      if not boxed(box):
        return box
      axes = kept(weight.value.shape)
      names = (None,) if axes is None else tuple(weight.names[axis] for axis in axes)
      return box.replace(names=names)

    return jax.tree.map(name, part, params, is_leaf=boxed)

  return state._replace(
    v_row=over(state.v_row, lambda shape: _without(shape, longest=1)),
    v_col=over(state.v_col, lambda shape: _without(shape, longest=2)),
    v=over(state.v, lambda shape: None if _factored(shape) else range(len(shape))),
  )


def _without(shape: tuple[int, ...], *, longest: int) -> list[int] | None:
  """All axes but the longest, or but the second longest; none of what is not factored."""
  if not _factored(shape):
    return None
  left_out = int(np.argsort(shape)[-longest])
  return [axis for axis in range(len(shape)) if axis != left_out]


def _factored(shape: tuple[int, ...]) -> bool:
  return len(shape) >= 2 and sorted(shape)[-2] >= FACTORED
