"""What a step is a share of: how much three libraries multiply in float32."""

from collections.abc import Callable

import numpy as np

SIZE = 2048
FLOP = 2.0 * SIZE**3


def make(library: str) -> Callable[[int], float]:
  """A function that makes so many products."""
  once = {"numpy": _numpy, "torch": _torch, "jax": _jax}[library]()

  def products(number: int) -> float:
    for _ in range(number):
      once()
    return 0.0

  return products


def _factors() -> list[np.ndarray]:
  rng = np.random.default_rng(0)
  return [rng.standard_normal((SIZE, SIZE), np.float32) for _ in range(2)]


def _numpy() -> Callable[[], object]:
  a, b = _factors()
  return lambda: a @ b


def _torch() -> Callable[[], object]:
  import torch

  a, b = map(torch.from_numpy, _factors())
  return lambda: a @ b


def _jax() -> Callable[[], object]:
  import jax

  a, b = map(jax.device_put, _factors())
  product = jax.jit(lambda a, b: a @ b)
  return lambda: product(a, b).block_until_ready()
