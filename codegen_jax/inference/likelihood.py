"""How likely a network finds continuations: rows of a context and what follows it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int
import numpy as np

from codegen_jax.errors import InputError
from codegen_jax.inference import lengths
from codegen_jax.inference.decoding import Network
from codegen_jax.models.head import head_logits
from codegen_jax.models.masks import Attention, AttentionMask
from codegen_jax.training.losses import cross_entropy
from codegen_jax.types import Array, Params

AT_ONCE = 16  # places of each row whose logits are held; divides every bucket
Pair = tuple[Sequence[int], Sequence[int]]  # ids of a context and of its continuation


class Arrays(NamedTuple):
  """A batch of pairs.

  context a b c, continuation d e      inputs  a b c d .      targets  d e .
  """

  inputs: Int[np.ndarray, "B L"]
  lengths: Int[np.ndarray, " B"]  # of inputs
  contexts: Int[np.ndarray, " B"]  # of the context, in inputs
  targets: Int[np.ndarray, "B C"]


Score = Callable[[Params, Arrays], tuple[Float[Array, "B C"], Bool[Array, "B C"]]]


def make(network: Network, attention: Attention) -> Score:
  """(params, arrays) -> nats of each target, and whether it is the likeliest."""

  def score(params: Params, batch: Arrays) -> tuple[Array, Array]:
    positions = jnp.broadcast_to(jnp.arange(batch.inputs.shape[1]), batch.inputs.shape)
    is_context = positions < batch.contexts[:, None]
    mask = AttentionMask(
      (positions < batch.lengths[:, None]).astype(jnp.int32),
      positions,
      None if attention == "causal" else is_context,
    )
    hidden: Any = network.apply({"params": params}, batch.inputs, mask=mask, logits=False)
    num_targets = batch.targets.shape[1]
    places = batch.contexts[:, None] - 1 + jnp.arange(num_targets)
    hidden = jnp.take_along_axis(hidden, places[:, :, None], axis=1, mode="clip")

    def of_part(first: Array) -> tuple[Array, Array]:
      part = jax.lax.dynamic_slice_in_dim(hidden, first, AT_ONCE, axis=1)
      targets = jax.lax.dynamic_slice_in_dim(batch.targets, first, AT_ONCE, axis=1)
      logits = head_logits(part, params["head"])
      return cross_entropy(logits, targets)[0], jnp.argmax(logits, axis=-1) == targets

    parts = jax.lax.map(of_part, jnp.arange(0, num_targets, AT_ONCE))
    return jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1).reshape(batch.targets.shape), parts)

  return score


def check(pairs: Sequence[Pair], max_length: int | None) -> None:
  """Raises InputError for a pair that has no likelihood."""
  for number, (context, continuation) in enumerate(pairs):
    if not len(context) or not len(continuation):
      which = "continuation" if len(context) else "context"
      raise InputError(
        f"pair {number} has an empty {which}; the first token of a text is not predicted, so begin"
        " a context with <|endoftext|>, and score at least one token"
      )
    if max_length is not None and len(context) + len(continuation) > max_length:
      raise InputError(
        f"pair {number} has {len(context)} + {len(continuation)} tokens and max_length is"
        f" {max_length}; shorten its context"
      )


def split(pairs: Sequence[Pair], batch_size: int) -> list[list[int]]:
  """Numbers of pairs in batches of at most so many, each of one shape; long ones come first."""
  shapes: dict[tuple[int, int], list[int]] = {}
  for number, (context, continuation) in enumerate(pairs):
    sizes = len(context) + len(continuation) - 1, len(continuation)
    shape = lengths.bucket(sizes[0]), lengths.bucket(sizes[1])
    shapes.setdefault(shape, []).append(number)
  return [
    numbers[i : i + batch_size]
    for _, numbers in sorted(shapes.items(), reverse=True)
    for i in range(0, len(numbers), batch_size)
  ]


def arrays(batch: Sequence[Pair], num_rows: int) -> Arrays:
  """Rows without a pair are a context of one token."""
  most = max(len(context) + len(continuation) - 1 for context, continuation in batch)
  inputs = np.zeros((num_rows, lengths.bucket(most)), np.int32)
  most = max(len(continuation) for _, continuation in batch)
  targets = np.zeros((num_rows, lengths.bucket(most)), np.int32)
  sizes, contexts = np.ones(num_rows, np.int32), np.ones(num_rows, np.int32)
  for row, (context, continuation) in enumerate(batch):
    read = [*context, *continuation][:-1]
    inputs[row, : len(read)] = read
    targets[row, : len(continuation)] = continuation
    sizes[row], contexts[row] = len(read), len(context)
  return Arrays(inputs, sizes, contexts, targets)
