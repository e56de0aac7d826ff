"""What each position may read, and which targets may be scored."""

from typing import Literal

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Int

from codegen_jax.types import Array, Batch

Attention = Literal["causal", "prefix", "bidirectional"]


@flax.struct.dataclass
class AttentionMask:
  """What a query may read, as three facts about each position.

  A position reads itself and what came before it in its own document; inside a document's prefix it
  also reads ahead, to the prefix's end.  Without `prefix_mask` this is a causal decoder.  The dense
  form is made by whoever wants it: a fused kernel reads the facts as they are.

      positions    0 1 2 0 1      dense   1 1 0 0 0
      segment_ids  1 1 1 2 2              1 1 0 0 0
      prefix_mask  1 1 0 0 0              1 1 1 0 0
                                          0 0 0 1 0
                                          0 0 0 1 1
  """

  segment_ids: Int[Array, "*shape"]
  positions: Int[Array, "*shape"]
  prefix_mask: Bool[Array, "*shape"] | None = None

  def dense(self) -> Bool[Array, "B L S"]:
    """Row q, column k: may q read k?"""
    queries = jax.tree.map(lambda fact: fact[:, :, None], self)
    keys = jax.tree.map(lambda fact: fact[:, None, :], self)
    return visible(queries, keys)


def visible(queries: AttentionMask, keys: AttentionMask) -> Bool[Array, "..."]:
  """May each query read each key?  The facts of both are broadcast against each other."""
  readable = keys.positions <= queries.positions
  if keys.prefix_mask is not None and queries.prefix_mask is not None:
    readable |= queries.prefix_mask & keys.prefix_mask
  return readable & (queries.segment_ids == keys.segment_ids)


def training_mask(batch: Batch, attention: Attention) -> AttentionMask:
  prefix_mask = {
    "causal": None,
    "prefix": batch.prefix_mask,
    "bidirectional": jnp.ones_like(batch.prefix_mask),  # a document that is all prefix
  }[attention]
  return AttentionMask(batch.segment_ids, batch.positions, prefix_mask)


def scored_targets(batch: Batch, attention: Attention) -> Bool[Array, "B L"]:
  """The targets that the objective wants scored and that their position cannot already see.

  The target of position t is the token at t + 1, so it is the first diagonal above the mask's main
  one that has to be dark.  A PrefixLM scored on its own prefix trains without complaint and learns
  to copy.  With bidirectional attention targets are not the next tokens but what a `MaskedLM` hid,
  which no position sees.
  """
  if attention == "bidirectional":
    return jnp.asarray(batch.loss_mask)
  mask = training_mask(batch, attention)
  here = jax.tree.map(lambda fact: fact[:, :-1], mask)
  after = jax.tree.map(lambda fact: fact[:, 1:], mask)
  target_seen = jnp.pad(visible(here, after), ((0, 0), (0, 1)))
  return jnp.asarray(batch.loss_mask) & ~target_seen
