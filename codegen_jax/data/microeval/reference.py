"""What steps do, told apart from how they are written: tests are computed here.

Nothing that is rendered runs to make a test, so a mistake in either shows as a solution that fails.
"""

from collections.abc import Callable, Sequence
from typing import Any

from codegen_jax.data.microeval.primitives import Step


def run(steps: Sequence[Step], value: list[Any]) -> Any:
  """What a function of these steps returns."""
  got: Any = list(value)
  for step in steps:
    got = MEANINGS[step.primitive.name](got, step.constant)
  return got


def _keeps(condition: Callable[[Any, Any], bool]) -> Callable[[list[Any], Any], list[Any]]:
  def keep(values: list[Any], k: Any) -> list[Any]:
    kept = values.copy()
    for value in values:
      if not condition(value, k):
        kept.remove(value)
    return kept

  return keep


def _maps(change: Callable[[Any, Any], Any]) -> Callable[[list[Any], Any], list[Any]]:
  return lambda values, k: [change(value, k) for value in values]


def _in_order(values: list[Any], k: Any) -> list[Any]:
  left, found = values.copy(), []
  while left:
    found.append(min(left))
    left.remove(found[-1])
  return found


def _joined(values: list[str], k: Any) -> str:
  text = ""
  for value in values:
    text += value + k
  return text.removesuffix(k)


MEANINGS: dict[str, Callable[[list[Any], Any], Any]] = {
  "even": _keeps(lambda value, k: not value & 1),
  "odd": _keeps(lambda value, k: bool(value & 1)),
  "positive": _keeps(lambda value, k: value >= 1),
  "negative": _keeps(lambda value, k: value <= -1),
  "above": _keeps(lambda value, k: value >= k + 1),
  "below": _keeps(lambda value, k: value <= k - 1),
  "multiple": _keeps(lambda value, k: value // k * k == value),
  "square": _maps(lambda value, k: value**2),
  "times": _maps(lambda value, k: sum([value] * k)),
  "plus": _maps(lambda value, k: value - -k),
  "minus": _maps(lambda value, k: value + -k),
  "negate": _maps(lambda value, k: 0 - value),
  "absolute": _maps(lambda value, k: max(value, 0 - value)),
  "remainder": _maps(lambda value, k: value - value // k * k),
  "longer": _keeps(lambda value, k: bool(value[k:])),
  "shorter": _keeps(lambda value, k: not value[k - 1 :]),
  "starts": _keeps(lambda value, k: value[:1] == k),
  "contains": _keeps(lambda value, k: value.count(k) > 0),
  "upper": _maps(lambda value, k: "".join(letter.upper() for letter in value)),
  "title": _maps(lambda value, k: value[:1].upper() + value[1:].lower()),
  "mirror": _maps(lambda value, k: "".join(reversed(value))),
  "twice": _maps(lambda value, k: value + value),
  "lengths": _maps(lambda value, k: sum(1 for _ in value)),
  "sort": _in_order,
  "descend": lambda values, k: list(reversed(_in_order(values, k))),
  "reverse": lambda values, k: list(reversed(values)),
  "first": lambda values, k: [value for place, value in enumerate(values) if place < k],
  "skip": lambda values, k: [value for place, value in enumerate(values) if place >= k],
  "alternate": lambda values, k: [value for place, value in enumerate(values) if place % 2 == 0],
  "sum": lambda values, k: -sum(-value for value in values),
  "largest": lambda values, k: _in_order(values, k)[-1] if values else 0,
  "smallest": lambda values, k: _in_order(values, k)[0] if values else 0,
  "count": lambda values, k: sum(1 for _ in values),
  "join": _joined,
}
