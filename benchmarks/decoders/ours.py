"""`LanguageModel.generate`, with all that it does between chunks."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from benchmarks.decoders import shapes
from codegen_jax.inference.language_model import LanguageModel
from codegen_jax.inference.requests import Request
from codegen_jax.inference.settings import SamplingConfig


class Letters:
  """Every id is a letter."""

  def __init__(self, size: int):
    self._size = size

  def to_bytes(self, ids: np.ndarray) -> bytes:
    return bytes((ids % 26 + 97).astype(np.uint8))

  def is_special(self) -> np.ndarray:
    return np.zeros(self._size, bool)

  def special_id(self, name: str) -> int:
    raise KeyError(name)


def make(shape: str, batch_size: int, prompt: int, new: int) -> Callable[[], list[list[int]]]:
  config = shapes.CONFIGS[shape]
  model = LanguageModel(
    _on_device(shapes.params(config)), config, attention="causal",
    vocabulary=Letters(config.vocab_size),
  )  # fmt: skip
  requests = [
    Request("benchmark", str(number), 0, tuple(row.tolist()))
    for number, row in enumerate(shapes.prompts(config, batch_size, prompt))
  ]
  settings = SamplingConfig(
    temperature=0.0, max_new_tokens=new, stop_tokens=(), batch_size=batch_size
  )

  def run() -> list[list[int]]:
    done = {c.request.problem: c.tokens.tolist() for c in model.generate(requests, settings)}
    return [done[request.problem] for request in requests]

  return run


def _on_device(tree):
  if isinstance(tree, dict):
    return {name: _on_device(branch) for name, branch in tree.items()}
  return jnp.asarray(tree)
