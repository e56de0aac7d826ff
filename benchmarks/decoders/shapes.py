"""The networks that decode, their weights and their prompts: the same in every process."""

import numpy as np

from benchmarks.steps import shapes
from codegen_jax.models.config import TransformerConfig
from codegen_jax.types import Params

CONFIGS: dict[str, TransformerConfig] = {
  **{name: shapes.SHAPES[name].config for name in ("tiny", "demo", "8k")},
  "12x768": TransformerConfig(
    vocab_size=51_200, embed_dim=768, num_layers=12, num_heads=12, head_dim=64, rotary_dim=32
  ),
}


def params(config: TransformerConfig) -> Params:
  """In stacks of layers, from a seed; wide enough that no two logits are nearly equal."""
  rng = np.random.default_rng(0)
  c, layers = config, config.num_layers

  def draw(*shape: int, fan_in: int) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32) * np.float32(fan_in**-0.5)

  def heads() -> dict[str, np.ndarray]:
    return {"kernel": draw(layers, c.embed_dim, c.num_heads, c.head_dim, fan_in=c.embed_dim)}

  def linear(into: int, out: int) -> dict[str, np.ndarray]:
    return {"kernel": draw(layers, into, out, fan_in=into), "bias": draw(layers, out, fan_in=100)}

  def norm(*shape: int) -> dict[str, np.ndarray]:
    return {"scale": 1 + draw(*shape, fan_in=100), "bias": draw(*shape, fan_in=100)}

  width = c.num_heads * c.head_dim
  return {
    "embedding": {"table": draw(c.vocab_size, c.embed_dim, fan_in=1)},
    "blocks": {
      "norm": norm(layers, c.embed_dim),
      "attention": {
        "query": heads(),
        "key": heads(),
        "value": heads(),
        "out": {"kernel": draw(layers, c.num_heads, c.head_dim, c.embed_dim, fan_in=width)},
      },
      "mlp": {"in": linear(c.embed_dim, c.mlp_dim), "out": linear(c.mlp_dim, c.embed_dim)},
    },
    "final_norm": norm(c.embed_dim),
    "head": {
      "kernel": draw(c.embed_dim, c.vocab_size, fan_in=c.embed_dim),
      "bias": draw(c.vocab_size, fan_in=100),
    },
  }


def prompts(config: TransformerConfig, batch_size: int, length: int) -> np.ndarray:
  return np.random.default_rng(1).integers(0, config.vocab_size, (batch_size, length))
