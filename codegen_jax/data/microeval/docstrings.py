"""What a function is said to do, in five forms."""

from collections.abc import Callable, Sequence
from typing import Any

from codegen_jax.data.microeval.draws import Draws
from codegen_jax.data.microeval.primitives import Step

INDENT = "    "


def sentence(steps: Sequence[Step], arg: str, draws: Draws) -> list[str]:
  """Keep the even ones, then add 3 to each, then return the sum."""
  return [f"{capital(', then '.join(commands(steps, draws)))}."]


def sentences(steps: Sequence[Step], arg: str, draws: Draws) -> list[str]:
  """Keep the even ones.  Add 3 to each.  Return the sum."""
  return [" ".join(f"{capital(command)}." for command in commands(steps, draws))]


def points(steps: Sequence[Step], arg: str, draws: Draws) -> list[str]:
  """A heading, and a line for each step."""
  return [f"Take {arg} and do this.", "", *(f"- {one}" for one in commands(steps, draws)), ""]


def noun(steps: Sequence[Step], arg: str, draws: Draws) -> list[str]:
  """Return the sum of 3 more than each of the even ones of values."""
  of = arg
  for primitive, k in steps:
    of = primitive.noun.format(of=of, k=k)
  return [f"Return {of}."]


def after(steps: Sequence[Step], arg: str, draws: Draws) -> list[str]:
  """Given values, keep the even ones, add 3 to each and return the sum."""
  *others, last = commands(steps, draws)
  return [f"Given {arg}, {', '.join(others)} and {last}."]


FORMS: dict[str, Callable[[Sequence[Step], str, Draws], list[str]]] = {
  one.__name__: one for one in (sentence, sentences, points, noun, after)
}


def render(
  form: str, steps: Sequence[Step], *, arg: str, draws: Draws, example: tuple[str, Any] | None
) -> str:
  """With its quotes, indented; `example` is a call and what it returns."""
  lines = FORMS[form](steps, arg, draws)
  if example is not None:
    call, result = example
    lines = [*lines, *([""] if lines[-1] else []), f">>> {call}", repr(result), ""]
  text = "\n".join(INDENT + line if line else "" for line in lines)
  end = INDENT if not lines[-1] else ""
  return f'{INDENT}"""{text.removeprefix(INDENT)}{end}"""'


def commands(steps: Sequence[Step], draws: Draws) -> list[str]:
  return [draws.choice(step.primitive.says).format(k=step.constant) for step in steps]


def capital(text: str) -> str:
  return text[0].upper() + text[1:]
