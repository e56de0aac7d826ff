"""An index -> a function: its prompt, its solution and its tests.

Function 7 of a split is the same on every machine.  An even index is composed of two steps, an odd
one of three, of which each one matters.
"""

from collections.abc import Sequence
import dataclasses
import functools
from typing import Any

from codegen_jax.data.microeval import bodies, cases, compositions, docstrings, reference
from codegen_jax.data.microeval.cases import Case
from codegen_jax.data.microeval.compositions import Composition, Split
from codegen_jax.data.microeval.draws import Draws
from codegen_jax.data.microeval.primitives import Step, Type

INPUTS = 6
TRIES = 20  # of constants and inputs, before another composition is taken

VERBS = (
  *("process", "handle", "transform", "compute", "build", "make", "derive", "prepare", "convert"),
  *("find", "get", "select", "refine", "update", "collect", "reduce"),
)
ARGUMENTS: dict[Type, tuple[tuple[str, str], ...]] = {
  "numbers": (("values", "value"), ("numbers", "number"), ("items", "item"), ("data", "x")),
  "words": (("words", "word"), ("names", "name"), ("texts", "text"), ("lines", "line")),
}


@dataclasses.dataclass(frozen=True)
class Function:
  """One of the family.

  Attributes:
    takes: its input.
    steps: that it is composed of.
    name: of the function.
    prompt: its head and docstring, up to the closing quotes.  The line break behind them belongs
      to the solution: a tokenizer may join it with the spaces that follow.
    solution: its body.
    inputs: that it was tried on; none is an example of the docstring.
    docstring: its form.
    body: its form.
  """

  takes: Type
  steps: tuple[Step, ...]
  name: str
  prompt: str
  solution: str
  inputs: tuple[list[Any], ...]
  docstring: str
  body: str

  @property
  def text(self) -> str:
    return self.prompt + self.solution

  @functools.cached_property
  def tests(self) -> tuple[Case, ...]:
    return tuple(cases.telling(self.takes, self.steps, self.inputs, self.prompt))

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
    inputs = [cases.draw(takes, draws) for _ in range(INPUTS)]
    if cases.every_step_matters(steps, inputs):
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
    given = cases.draw(takes, draws, longest=5)
    if given not in inputs:
      example = (f"{name}({given!r})", reference.run(steps, given))
  said = docstrings.render(docstring, steps, arg=arg, draws=draws, example=example)
  return Function(
    takes=takes,
    steps=steps,
    name=name,
    prompt=f"def {name}({arg}):\n{said}",
    solution=f"\n{bodies.render(body, steps, arg=arg, element=element)}",
    inputs=tuple(inputs),
    docstring=docstring,
    body=body,
  )
