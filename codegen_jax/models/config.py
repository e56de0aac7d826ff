"""The shape of a network, as values."""

import dataclasses
from typing import Literal

from codegen_jax.errors import InputError

Remat = Literal["none", "dots", "full"]
Dtype = Literal["float32", "bfloat16"]


@dataclasses.dataclass(frozen=True)
class TransformerConfig:
  """CodeGen's decoder (arXiv 2203.13474; jaxformer's models/decoder/inter).

  Attributes:
    vocab_size: rows of the embedding and of the head; at least the vocabulary's size.
    embed_dim: width of the residual stream.
    num_layers: number of blocks.
    num_heads: attention heads; `num_heads * head_dim` need not equal `embed_dim`.
    head_dim: width of a head.
    rotary_dim: how many dimensions of each head are rotated; the rest carry no position.
    remat: what the backward pass computes again: "none" keeps everything, "dots" keeps the results
      of weight matrices, "full" keeps only the input of each block.
    dtype: of activations and of the weights as they are used; master weights are always float32.
    norm_epsilon: of every LayerNorm.
    rotary_base: wavelengths run from 2 pi to 2 pi times this.
  """

  vocab_size: int
  embed_dim: int
  num_layers: int
  num_heads: int
  head_dim: int
  rotary_dim: int
  remat: Remat = "none"
  dtype: Dtype = "float32"
  norm_epsilon: float = 1e-5
  rotary_base: float = 10_000.0

  def __post_init__(self):
    for name in ("vocab_size", "embed_dim", "num_layers", "num_heads", "head_dim"):
      if getattr(self, name) < 1:
        raise InputError(f"{name} is {getattr(self, name)}; it must be at least 1")
    if self.rotary_dim % 2 or not 0 <= self.rotary_dim <= self.head_dim:
      raise InputError(
        f"rotary_dim is {self.rotary_dim}; it must be even and at most head_dim ({self.head_dim})"
      )

  @property
  def mlp_dim(self) -> int:
    return 4 * self.embed_dim

  @property
  def num_params(self) -> int:
    """Of the network that `transformer.Transformer` makes."""
    d, v, heads = self.embed_dim, self.vocab_size, self.num_heads * self.head_dim
    block = 4 * d * heads + 2 * d * self.mlp_dim + self.mlp_dim + 3 * d
    return self.num_layers * block + 2 * v * d + v + 2 * d
