"""Which primitives follow one another, and which compositions are held out.

even, plus           training     A composition is held out by a hash of its primitives, in any
plus, even           training     order and whatever their constants.  Training has it in no other
even, negate         held out     order either, nor as a part of a longer composition.
negate, even         held out
even, plus, negate   neither
"""

from collections.abc import Iterator
import functools
import hashlib
import itertools
from typing import Literal

from codegen_jax.data.microeval import primitives
from codegen_jax.data.microeval.primitives import Primitive, Type

Split = Literal["train", "validation"]
Composition = tuple[Primitive, ...]

SALT = "microeval 1"  # raise it when the split would move
LENGTHS = (2, 3)
HELD_OUT_EVERY = 5

# Primitives that undo, imply or contradict each other: a function has one of each group.
EXCLUSIVE = (
  {"plus", "minus"},
  {"even", "odd"},
  {"positive", "negative"},
  {"sort", "descend", "reverse"},
  {"upper", "title"},
)
# To what these make of a list, its order is nothing.
UNORDERED = {"sum", "largest", "smallest", "count"}
ORDERS = {"sort", "descend", "reverse"}


def key(composition: Composition) -> tuple[str, ...]:
  """What the split looks at."""
  return tuple(sorted(primitive.name for primitive in composition))


def is_held_out(composition: Composition) -> bool:
  told = f"{SALT} {' '.join(key(composition))}"
  return int.from_bytes(hashlib.sha256(told.encode()).digest(), "big") % HELD_OUT_EVERY == 0


def has_held_out_part(composition: Composition) -> bool:
  """Whether any two or more of its primitives are held out, or all of them."""
  return any(
    is_held_out(part)
    for length in range(LENGTHS[0], len(composition) + 1)
    for part in itertools.combinations(composition, length)
  )


@functools.cache
def split(name: Split, length: int) -> tuple[tuple[Type, Composition], ...]:
  """All compositions of so many primitives, with the type of list that each begins with."""
  return tuple(
    (takes, composition)
    for takes in primitives.LISTS
    for composition in _grow((), takes, length)
    if (is_held_out(composition) if name == "validation" else not has_held_out_part(composition))
  )


def _grow(begun: Composition, here: Type, length: int) -> Iterator[Composition]:
  if length == 0:
    yield begun
    return
  for primitive in primitives.ALL:
    if here in primitive.takes and _adds(begun, primitive):
      yield from _grow((*begun, primitive), primitive.after(here), length - 1)


def _adds(begun: Composition, primitive: Primitive) -> bool:
  names = {one.name for one in begun}
  if primitive.name in names or any({primitive.name} < one and one & names for one in EXCLUSIVE):
    return False
  return not (begun and begun[-1].name in ORDERS and primitive.name in UNORDERED)
