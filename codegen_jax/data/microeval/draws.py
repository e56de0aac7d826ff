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
    return self._take(1)[0] % n

  def between(self, low: int, high: int, count: int) -> list[int]:
    """Both ends included."""
    return [low + number % (high - low + 1) for number in self._take(count)]

  def choice(self, of: Sequence[T]) -> T:
    return of[self.below(len(of))]

  def sample(self, of: Sequence[T], n: int) -> list[T]:
    """`n` different places of a sequence, in random order."""
    left = list(of)
    return [left.pop(number % len(left)) for number in self._take(n)]

  def _take(self, count: int) -> list[int]:
    while len(self._left) < count:
      digest = hashlib.sha256(f"{self._name} {self._count}".encode()).digest()
      more = [int.from_bytes(digest[at : at + 4], "big") for at in range(28, -4, -4)]
      self._left, self._count = self._left + more, self._count + 1
    taken, self._left = self._left[:count], self._left[count:]
    return taken
