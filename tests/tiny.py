"""A network and batches small enough to be drawn."""

from collections.abc import Sequence

from flax import linen as nn
import jax
import numpy as np

from codegen_jax.models import masks
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.transformer import Transformer
from codegen_jax.types import Batch, Params

# Every size differs from the others, so that two that are swapped do not fit.
CONFIG = TransformerConfig(
  vocab_size=48, embed_dim=32, num_layers=2, num_heads=4, head_dim=6, rotary_dim=4
)


def packed(*documents: Sequence[int], prefix: int | Sequence[int] = 0, length: int = 0) -> Batch:
  """One row of documents end to end, each with that many prefix tokens, padded to `length`.

  Scored is every target that belongs to its position's document, the prefix's own included.
  """
  length = length or sum(map(len, documents))
  prefixes = [prefix] * len(documents) if isinstance(prefix, int) else prefix
  names = "inputs", "loss_mask", "prefix_mask", "segment_ids", "positions"
  columns = {name: [] for name in names}
  for number, (tokens, open_) in enumerate(zip(documents, prefixes, strict=True), start=1):
    n = len(tokens)
    columns["inputs"] += tokens
    columns["loss_mask"] += [True] * (n - 1) + [False]
    columns["prefix_mask"] += [i < open_ for i in range(n)]
    columns["segment_ids"] += [number] * n
    columns["positions"] += range(n)
  row = {
    name: np.array([[*column, *[0] * (length - len(column))]], np.int32)
    for name, column in columns.items()
  }
  row["targets"] = np.append(row["inputs"][:, 1:], [[0]], axis=1).astype(np.int32)
  return Batch(**{k: v.astype(bool) if k.endswith("_mask") else v for k, v in row.items()})


def stacked(*batches: Batch) -> Batch:
  return jax.tree.map(lambda *rows: np.concatenate(rows), *batches)


def random_batch(rng: np.random.Generator, rows: int, length: int) -> Batch:
  """Rows of two documents, a third of each a prefix, and one or two columns of padding."""

  def row() -> Batch:
    n = int(rng.integers(3, length - 4))
    sizes = n, length - n - int(rng.integers(1, 3))
    documents = (rng.integers(1, CONFIG.vocab_size, size).tolist() for size in sizes)
    return packed(*documents, prefix=[size // 3 for size in sizes], length=length)

  return stacked(*[row() for _ in range(rows)])


def random_params(rng: np.random.Generator, config: TransformerConfig = CONFIG) -> Params:
  """Weights as training leaves them: no norm is the identity and no bias is zero."""
  one = np.ones((1, 2), np.int32)
  init = Transformer(config).init
  shapes = jax.eval_shape(init, jax.random.key(0), one, mask=masks.AttentionMask(one, one))

  def draw(path, leaf) -> np.ndarray:
    centre = 1.0 if path[-1].key == "scale" else 0.0
    return (centre + 0.2 * rng.standard_normal(leaf.shape)).astype(np.float32)

  return jax.tree_util.tree_map_with_path(draw, nn.unbox(shapes["params"]))


def grid(drawing: str) -> np.ndarray:
  """Ones and zeros, as drawn."""
  lines = drawing.strip().split("\n")
  return np.array([[cell == "1" for cell in line.split()] for line in lines])
