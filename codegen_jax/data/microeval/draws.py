"""Choices that are the same on every machine and under every Python: hashes of a name."""

from collections.abc import Sequence
import hashlib
from typing import TypeVar

T = TypeVar("T")


class Draws:
  """Draws("a").below(6) is always the same; the next call is another number."""

  def __init__(self, name: str):
    self._name, self._count = name, 0
    self._left: list[int] = []

  def below(self, n: int) -> int:
    """For small n: of 2 ** 32 numbers those above the last multiple of n favour the first ones."""
    if not self._left:
      digest = hashlib.sha256(f"{self._name} {self._count}".encode()).digest()
      self._left = [int.from_bytes(digest[at : at + 4], "big") for at in range(0, 32, 4)]
      self._count += 1
    return self._left.pop() % n

  def between(self, low: int, high: int) -> int:
    """Both ends included."""
    return low + self.below(high - low + 1)

  def choice(self, of: Sequence[T]) -> T:
    return of[self.below(len(of))]

  def sample(self, of: Sequence[T], n: int) -> list[T]:
    """`n` different places of a sequence, in random order."""
    left = list(of)
    return [left.pop(self.below(len(left))) for _ in range(n)]
