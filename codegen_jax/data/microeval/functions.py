"""An index -> a function: its prompt, its solution and its tests.

Function 7 of a split is the same on every machine.  An even index is composed of two steps, an odd
one of three.  Its tests tell it from itself without any one
of its steps, so a completion that leaves a step out fails.
"""

from collections.abc import Sequence
import dataclasses
from typing import Any

from codegen_jax.data.microeval import bodies, compositions, docstrings, reference
from codegen_jax.data.microeval.compositions import Composition, Split
from codegen_jax.data.microeval.draws import Draws
from codegen_jax.data.microeval.primitives import Step, Type

Test = tuple[list[Any], Any]  # an input and what is expected of it

TESTS = 6
FEWEST_RESULTS = 3  # different ones, among the tests
TRIES = 20  # of constants and inputs, before another composition is taken

VERBS = (
  *("process", "handle", "transform", "compute", "build", "make", "derive", "prepare", "convert"),
  *("find", "get", "select", "refine", "update", "collect", "reduce"),
)
ARGUMENTS: dict[Type, tuple[tuple[str, str], ...]] = {
  "numbers": (("values", "value"), ("numbers", "number"), ("items", "item"), ("data", "x")),
  "words": (("words", "word"), ("names", "name"), ("texts", "text"), ("lines", "line")),
}
WORDS = (
  *("apple", "stone", "river", "tea", "ant", "silver", "on", "radio", "nest", "open", "idea"),
  *("train", "sea", "moon", "table", "orange", "rest", "in", "salt", "east", "note", "tiger"),
  *("ear", "island", "north", "star", "oak", "iron", "to", "rain", "nine", "eagle", "toast"),
  *("sun", "arrow", "engine", "old", "rose", "net", "ink"),
)


@dataclasses.dataclass(frozen=True)
class Function:
  """One of the family.

  Attributes:
    steps: that it is composed of.
    name: of the function.
    prompt: its head and docstring, up to the closing quotes.  The line break behind them belongs
      to the solution: a tokenizer may join it with the spaces that follow.
    solution: its body.
    tests: inputs and what is expected; none is an example of the docstring.
    docstring: its form.
    body: its form.
  """

  steps: tuple[Step, ...]
  name: str
  prompt: str
  solution: str
  tests: tuple[Test, ...]
  docstring: str
  body: str

  @property
  def text(self) -> str:
    return self.prompt + self.solution

  @property
  def asserts(self) -> str:
    return "\n".join(f"assert {self.name}({given!r}) == {wanted!r}" for given, wanted in self.tests)


def function(split: Split, index: int, *, verbs: Sequence[str] = VERBS) -> Function:
  """The function of an index.

  Args:
    split: whose compositions are drawn from.
    index: any number.
    verbs: that its name may begin with.
  """
  draws = Draws(f"{split} {index}")
  while True:
    length = compositions.LENGTHS[index % len(compositions.LENGTHS)]
    made = of(*draws.choice(compositions.split(split, length)), draws, verbs=verbs)
    if made is not None:
      return made


def distinct(split: Split, count: int) -> list[Function]:
  """The first functions of a split, of which no two have the same primitives in the same order.

  As many of two steps as of three; the split must have that many.
  """
  found: dict[tuple[str, ...], Function] = {}
  index = 0
  while len(found) < count:
    one = function(split, index)
    names = tuple(step.primitive.name for step in one.steps)
    alike = sum(len(other) == len(names) for other in found)
    if alike < count // len(compositions.LENGTHS):
      found.setdefault(names, one)
    index += 1
  return list(found.values())


def of(
  takes: Type, composition: Composition, draws: Draws, *, verbs: Sequence[str] = VERBS
) -> Function | None:
  """A function of this composition; None where some step of it never matters."""
  for _ in range(TRIES):
    steps = tuple(
      Step(one, draws.choice(one.constants) if one.constants else None) for one in composition
    )
    inputs = [_input(takes, draws) for _ in range(TESTS)]
    if _told_apart(steps, inputs):
      return _render(takes, steps, inputs, draws, verbs)
  return None


def _render(
  takes: Type, steps: tuple[Step, ...], inputs: list[Any], draws: Draws, verbs: Sequence[str]
) -> Function:
  arg, element = draws.choice(ARGUMENTS[takes])
  name = f"{draws.choice(verbs)}_{arg}"
  docstring, body = draws.choice(tuple(docstrings.FORMS)), draws.choice(tuple(bodies.FORMS))
  example = None
  if draws.below(4) == 0:
    given = _input(takes, draws, longest=5)
    if given not in inputs:
      example = (f"{name}({given!r})", reference.run(steps, given))
  said = docstrings.render(docstring, steps, arg=arg, draws=draws, example=example)
  return Function(
    steps=steps,
    name=name,
    prompt=f"def {name}({arg}):\n{said}",
    solution=f"\n{bodies.render(body, steps, arg=arg, element=element)}",
    tests=tuple((given, reference.run(steps, given)) for given in [*inputs, []]),
    docstring=docstring,
    body=body,
  )


def _input(takes: Type, draws: Draws, *, longest: int = 9) -> list[Any]:
  count = draws.between(4, longest)
  if takes == "words":
    return draws.sample(WORDS, count)
  return [draws.between(-20, 20) for _ in range(count)]


def _told_apart(steps: Sequence[Step], inputs: Sequence[Any]) -> bool:
  results = [reference.run(steps, given) for given in inputs]
  if len({repr(result) for result in results}) < FEWEST_RESULTS:
    return False
  for left_out in range(len(steps)):
    try:
      fewer = (*steps[:left_out], *steps[left_out + 1 :])
      if [reference.run(fewer, given) for given in inputs] == results:
        return False
    except (TypeError, AttributeError):
      continue  # without its step the rest has another type
  return True
