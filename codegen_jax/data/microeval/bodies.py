"""How a function is written, in three forms."""

from collections.abc import Callable, Sequence

from codegen_jax.data.microeval.primitives import Step

INDENT = "    "
NEW = ("result", "output", "final")  # lists that loops fill, in order


def comprehensions(steps: Sequence[Step], arg: str, element: str) -> list[str]:
  """Each step a line: `values = [value for value in values if value > 0]`."""
  lines = []
  for step in steps:
    done = expression(step, arg, element)
    lines.append(f"return {done}" if step.primitive.kind == "end" else f"{arg} = {done}")
  return lines if steps[-1].primitive.kind == "end" else [*lines, f"return {arg}"]


def nested(steps: Sequence[Step], arg: str, element: str) -> list[str]:
  """All in one line."""
  done = arg
  for step in steps:
    done = expression(step, done, element)
  return [f"return {done}"]


def loops(steps: Sequence[Step], arg: str, element: str) -> list[str]:
  """Each step that looks at one element after another is a loop."""
  here, lines = arg, []
  for step, new in zip(steps, NEW, strict=False):
    primitive, k = step
    match primitive.kind:
      case "keep":
        condition = primitive.code.format(x=element, k=k)
        lines += [f"{new} = []", f"for {element} in {here}:", f"{INDENT}if {condition}:",
                  f"{INDENT}{INDENT}{new}.append({element})"]  # fmt: skip
        here = new
      case "map":
        value = primitive.code.format(x=element, k=k)
        lines += [f"{new} = []", f"for {element} in {here}:", f"{INDENT}{new}.append({value})"]
        here = new
      case "list":
        lines.append(f"{here} = {primitive.code.format(xs=here, k=k)}")
      case "end":
        return [*lines, f"return {primitive.code.format(xs=here, k=k)}"]
  return [*lines, f"return {here}"]


FORMS: dict[str, Callable[[Sequence[Step], str, str], list[str]]] = {
  one.__name__: one for one in (comprehensions, nested, loops)
}


def render(form: str, steps: Sequence[Step], *, arg: str, element: str) -> str:
  """Its lines, indented."""
  return "\n".join(INDENT + line for line in FORMS[form](steps, arg, element))


def expression(step: Step, xs: str, x: str) -> str:
  primitive, k = step
  if primitive.kind == "keep":
    return f"[{x} for {x} in {xs} if {primitive.code.format(x=x, k=k)}]"
  if primitive.kind == "map":
    return f"[{primitive.code.format(x=x, k=k)} for {x} in {xs}]"
  return primitive.code.format(xs=xs, k=k)
