"""The networks that are trained, and rows for them."""

from collections.abc import Iterator
import itertools
from typing import NamedTuple

import numpy as np

from codegen_jax.models.config import TransformerConfig
from codegen_jax.types import Batch

RATE = 1e-3
CLIP_NORM = 1.0
WEIGHT_DECAY = 0.1
BETAS = (0.9, 0.999)
EPSILON = 1e-8


class Shape(NamedTuple):
  """A network, and the batch that it is trained on.

  loss_chunks: parts that our step makes a row's logits in; the others make them at once.
  """

  config: TransformerConfig
  batch_size: int
  seq_len: int
  loss_chunks: int = 1

  @property
  def tokens(self) -> int:
    return self.batch_size * self.seq_len


def _six_layers(vocab_size: int) -> TransformerConfig:
  return TransformerConfig(
    vocab_size=vocab_size, embed_dim=512, num_layers=6, num_heads=8, head_dim=64, rotary_dim=32,
    attention_kernel="blockwise", unroll=6,
  )  # fmt: skip


def _bfloat16(*, embed_dim: int, num_layers: int, head_dim: int) -> TransformerConfig:
  return TransformerConfig(
    vocab_size=51_200, embed_dim=embed_dim, num_layers=num_layers, num_heads=16,
    head_dim=head_dim, rotary_dim=head_dim // 2, dtype="bfloat16", remat="qkv",
    attention_kernel="cudnn",
  )  # fmt: skip


_DEMO = TransformerConfig(
  vocab_size=4096, embed_dim=128, num_layers=4, num_heads=4, head_dim=32, rotary_dim=16,
  attention_kernel="blockwise", unroll=4,
)  # fmt: skip
_TINY = TransformerConfig(
  vocab_size=97, embed_dim=32, num_layers=2, num_heads=4, head_dim=8, rotary_dim=4,
  attention_kernel="blockwise", unroll=2,
)  # fmt: skip

SHAPES = {
  "tiny": Shape(_TINY, 2, 16),
  "demo": Shape(_DEMO, 8, 256),  # gin_configs/models/demo.gin
  "8k": Shape(_six_layers(8192), 4, 512),
  "51k": Shape(_six_layers(51_200), 4, 512, loss_chunks=4),
  # On a GPU: gin_configs/models/codegen_350m.gin and codegen2_1b.gin, in smaller batches.
  "350m": Shape(_bfloat16(embed_dim=1024, num_layers=20, head_dim=64), 16, 2048, loss_chunks=8),
  "1b": Shape(_bfloat16(embed_dim=2048, num_layers=16, head_dim=128), 8, 2048, loss_chunks=8),
}


def batches(shape: Shape) -> Iterator[Batch]:
  """Four batches, again and again."""
  return itertools.cycle([_rows(shape, seed) for seed in range(4)])


def _rows(shape: Shape, seed: int) -> Batch:
  """Rows that are one document each, all of it scored: what every way can train on.

  Some tokens are frequent, as in text, so that there is something to learn.
  """
  size = (shape.batch_size, shape.seq_len + 1)
  drawn = np.random.default_rng(seed).random(size) ** 3
  tokens = (drawn * shape.config.vocab_size).astype(np.int32)
  ones = np.ones((shape.batch_size, shape.seq_len), np.int32)
  return Batch(
    inputs=tokens[:, :-1],
    targets=tokens[:, 1:],
    loss_mask=ones > 0,
    prefix_mask=ones < 0,
    segment_ids=ones,
    positions=ones.cumsum(axis=1, dtype=np.int32) - 1,
  )
