"""The family as scripts: a comment for each step, answered one by one or all together.

# Assign [3, -1, 4] to values.        # Assign [3, -1, 4] to values.
values = [3, -1, 4]                   # Keep the positive ones.
                                      # Add them up.
# Keep the positive ones.             # Print values.
values = [x for x in values ...]      values = [3, -1, 4]
                                      values = [x for x in values if x > 0]
# Add them up.                        values = sum(values)
values = sum(values)                  print(values)

# Print values.
print(values)
"""

import dataclasses
import functools
from typing import Any

from codegen_jax.data.corpus import Document
from codegen_jax.data.microeval import bodies, docstrings, functions, reference
from codegen_jax.data.microeval.compositions import Split
from codegen_jax.data.microeval.documents import MicroCorpus
from codegen_jax.data.microeval.draws import Draws
from codegen_jax.data.microeval.functions import Function


@dataclasses.dataclass(frozen=True)
class Script:
  """A function's steps on one input.

  Attributes:
    asked: a sentence for each turn.
    answers: a line for each turn.
    printed: what the last line prints.
  """

  asked: tuple[str, ...]
  answers: tuple[str, ...]
  printed: Any

  @property
  def in_turns(self) -> str:
    """Each line after its comment."""
    return "\n\n".join(f"# {a}\n{b}" for a, b in zip(self.asked, self.answers, strict=True)) + "\n"

  @property
  def at_once(self) -> str:
    """All comments before all lines."""
    return "".join(f"# {a}\n" for a in self.asked) + "".join(f"{b}\n" for b in self.answers)


def script(of: Function, name: str) -> Script:
  """The script of a function, `name` being what else it depends on."""
  draws = Draws(f"script {name}")
  arg, element = draws.choice(functions.ARGUMENTS[of.takes])
  given = of.inputs[draws.below(len(of.inputs))]
  said = docstrings.commands(of.steps, draws)
  done = [f"{arg} = {bodies.expression(step, arg, element)}" for step in of.steps]
  return Script(
    asked=(
      f"Assign {given!r} to {arg}.",
      *(f"{docstrings.capital(command)}." for command in said),
      f"Print {arg}.",
    ),
    answers=(f"{arg} = {given!r}", *done, f"print({arg})"),
    printed=reference.run(of.steps, given),
  )


@dataclasses.dataclass(frozen=True)
class ScriptCorpus(MicroCorpus):
  """Every second document is asked and answered in turns, the others at once."""

  train: int = 27_000
  validation: int = 500
  fewest: int = 1
  most: int = 1
  name: str = "micro_scripts"

  def _document(self, split: Split, number: int) -> Document:
    made = script(functions.function(split, number // 2), f"{split} {number}")
    text = made.at_once if number % 2 else made.in_turns
    return Document(f"{self.name}/{split}/{number:05}.py", text)


@functools.cache
def held_out(count: int) -> tuple[Script, ...]:
  """Of held-out compositions, no two of the same primitives in the same order."""
  of = functions.distinct("validation", count)
  return tuple(script(one, f"held out {number}") for number, one in enumerate(of))
