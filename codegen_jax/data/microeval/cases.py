"""Inputs, and what a function returns for them: those that tell it from what is nearly it."""

from collections.abc import Iterator, Sequence
from typing import Any

from codegen_jax.data.microeval import primitives, reference
from codegen_jax.data.microeval.draws import Draws
from codegen_jax.data.microeval.primitives import Step, Type

Case = tuple[list[Any], Any]  # an input and what is expected of it

FEWEST_RESULTS = 3  # different ones
POOL = 60  # inputs, of which those that tell something are kept

WORDS = (
  *("apple", "stone", "river", "tea", "ant", "silver", "on", "radio", "nest", "open", "idea"),
  *("train", "sea", "moon", "table", "orange", "rest", "in", "salt", "east", "note", "tiger"),
  *("ear", "island", "north", "star", "oak", "iron", "to", "rain", "nine", "eagle", "toast"),
  *("sun", "arrow", "engine", "old", "rose", "net", "ink"),
)


def draw(takes: Type, draws: Draws, *, longest: int = 9) -> list[Any]:
  """An input of at least four elements."""
  (count,) = draws.between(4, longest, 1)
  if takes == "words":
    return draws.sample(WORDS, count)
  return draws.between(-20, 20, count)


def every_step_matters(steps: Sequence[Step], inputs: Sequence[Any]) -> bool:
  """Whether some input gives another result when any one step is left out."""
  results = [reference.run(steps, given) for given in inputs]
  if len({repr(result) for result in results}) < FEWEST_RESULTS:
    return False
  return all(
    any(_differs(fewer, *case) for case in zip(inputs, results, strict=True))
    for fewer in _without_one(steps)
  )


def telling(takes: Type, steps: Sequence[Step], begun: Sequence[Any], name: str) -> list[Case]:
  """The inputs of `begun`, the empty list, and more that tell the steps from those `near` them.

  A near one that no input tells apart is taken for the same function.
  """
  left, cases = list(near(takes, steps)), []
  draws = Draws(f"cases {name}")
  for number, given in enumerate([*begun, [], *(draw(takes, draws) for _ in range(POOL))]):
    wanted = reference.run(steps, given)
    alike = [other for other in left if not _differs(other, given, wanted)]
    if number <= len(begun) or len(alike) < len(left):
      cases.append((given, wanted))
    left = alike
  return cases


def near(takes: Type, steps: Sequence[Step]) -> Iterator[tuple[Step, ...]]:
  """With a step left out, two neighbours swapped, or one step that is another of its kind."""
  yield from _without_one(steps)
  for at in range(1, len(steps)):
    yield (*steps[: at - 1], steps[at], steps[at - 1], *steps[at + 1 :])
  here = takes
  for at, step in enumerate(steps):
    for primitive in primitives.ALL:
      if primitive.kind == step.primitive.kind and here in primitive.takes:
        for k in primitive.constants or (None,):
          if Step(primitive, k) != step:
            yield (*steps[:at], Step(primitive, k), *steps[at + 1 :])
    here = step.primitive.after(here)


def _without_one(steps: Sequence[Step]) -> Iterator[tuple[Step, ...]]:
  return ((*steps[:at], *steps[at + 1 :]) for at in range(len(steps)))


def _differs(steps: Sequence[Step], given: Any, wanted: Any) -> bool:
  try:
    return reference.run(steps, given) != wanted
  except (TypeError, AttributeError):
    return True  # what came before has another type
