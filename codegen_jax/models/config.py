"""The shape of a network, as values."""

import dataclasses
from typing import Literal

from codegen_jax.errors import InputError
from codegen_jax.models.attention import Kernel

BlockKind = Literal["codegen", "llama"]
Remat = Literal["none", "dots", "mlp", "qkv", "context", "full"]
Dtype = Literal["float32", "bfloat16"]


@dataclasses.dataclass(frozen=True)
class TransformerConfig:
  """CodeGen's decoder (arXiv 2203.13474; jaxformer's models/decoder/inter), or CodeGen2.5's.

  Attributes:
    block: "codegen": one LayerNorm read by attention and MLP at once, GELU, biases.  "llama":
      RMSNorms, one after the other, a gated SiLU, no biases.
    vocab_size: rows of the embedding and of the head; at least the vocabulary's size.
    embed_dim: width of the residual stream.
    num_layers: number of blocks.
    num_heads: attention heads; `num_heads * head_dim` need not equal `embed_dim`.
    head_dim: width of a head.
    rotary_dim: how many dimensions of each head are rotated; the rest carry no position.
    remat: what the backward pass computes again: "none" keeps everything, "dots" the results of
      all weight matrices and what attention read, "mlp" those that are read again (queries, keys,
      values, what attention read, what the MLP is about to bend), "qkv" these without the MLP's,
      "context" what attention read alone, "full" only the input of each block.
    dtype: of activations and of the weights as they are used.
    param_dtype: that weights are kept and trained in.  "bfloat16" halves them and is lossy: there
      is no other copy, so what an update moves by less than about 1/256 of a weight is rounded
      away.  Vectors (norms, biases) stay float32.
    mlp_dim: width of the MLP; 0 is four times embed_dim.
    attention_kernel: how attention is computed: "reference", "blockwise" (a CPU's), "fused"
      (XLA's), "cudnn" (an NVIDIA GPU's) or "flash" (a TPU's own kernel); the last two never hold a
      row's scores.  No number changes but by rounding.
    unroll: layers that one turn of the loop over layers holds.  A CPU copies what a loop keeps for
      the backward pass, so all layers run faster there; they take longer to compile.
    norm_epsilon: of every norm.
    rotary_base: wavelengths run from 2 pi to 2 pi times this.
  """

  vocab_size: int
  embed_dim: int
  num_layers: int
  num_heads: int
  head_dim: int
  rotary_dim: int
  block: BlockKind = "codegen"
  mlp_dim: int = 0
  remat: Remat = "none"
  dtype: Dtype = "float32"
  param_dtype: Dtype = "float32"
  attention_kernel: Kernel = "reference"
  unroll: int = 1
  norm_epsilon: float = 1e-5
  rotary_base: float = 10_000.0

  def __post_init__(self):
    for name in ("vocab_size", "embed_dim", "num_layers", "num_heads", "head_dim"):
      if getattr(self, name) < 1:
        raise InputError(f"{name} is {getattr(self, name)}; it must be at least 1")
    if self.unroll < 1 or self.num_layers % self.unroll:
      raise InputError(
        f"unroll is {self.unroll}; it must divide num_layers ({self.num_layers}), or be 1"
      )
    if self.head_dim % 2:
      raise InputError(
        f"head_dim is {self.head_dim}; it must be even, since dimensions turn in pairs"
      )
    if self.rotary_dim % 2 or not 0 <= self.rotary_dim <= self.head_dim:
      raise InputError(
        f"rotary_dim is {self.rotary_dim}; it must be even and at most head_dim ({self.head_dim})"
      )
    if self.mlp_dim < 0:
      raise InputError(f"mlp_dim is {self.mlp_dim}; it must be at least 1, or 0 for 4 x embed_dim")
    if not self.mlp_dim:
      object.__setattr__(self, "mlp_dim", 4 * self.embed_dim)

  @property
  def num_params(self) -> int:
    """Of the network that `transformer.Transformer` makes."""
    d, v = self.embed_dim, self.vocab_size
    weights = 4 * d * self.num_heads * self.head_dim + self.mlp_matrices * d * self.mlp_dim
    if self.block == "codegen":
      return self.num_layers * (weights + self.mlp_dim + 3 * d) + 2 * v * d + v + 2 * d
    return self.num_layers * (weights + 2 * d) + 2 * v * d + d

  @property
  def mlp_matrices(self) -> int:
    return {"codegen": 2, "llama": 3}[self.block]
