"""The text of a compiled program, read: computations of scheduled instructions.

Only what an estimate asks for is understood.  The grammar is XLA's (`HloModule::ToString`), whose
attributes are kept as text.
"""

from collections.abc import Iterator
import dataclasses
import math
import re

BYTES = {
  "pred": 1, "s8": 1, "u8": 1, "s16": 2, "u16": 2, "bf16": 2, "f16": 2, "s32": 4, "u32": 4,
  "f32": 4, "s64": 8, "u64": 8, "f64": 8, "c64": 8, "s4": 0.5, "u4": 0.5, "f8e4m3fn": 1,
  "f8e5m2": 1,
}  # fmt: skip

_SHAPE = re.compile(r"([a-z]\w*)\[([\d,]*)\]")
_COMPUTATION = re.compile(r"(ENTRY )?%?([\w.\-]+) \(.*\) -> .* \{$")
_INSTRUCTION = re.compile(r"\s+(?:ROOT )?%?([\w.\-]+) = ((?:\((?:[^()]|\([^()]*\))*\))|\S+) ([\w\-]+)\((.*)$")  # fmt: skip  # noqa: E501


@dataclasses.dataclass(frozen=True)
class Instruction:
  """`name = shape opcode(operands), attributes`"""

  name: str
  shape: str
  opcode: str
  operands: tuple[str, ...]
  text: str  # everything behind the opcode

  def attribute(self, pattern: str) -> str | None:
    """What the pattern's group finds behind the opcode."""
    match = re.search(pattern, self.text)
    return match[1] if match else None

  def called(self, attribute: str) -> str | None:
    """The computation that this attribute names: "body", "condition", "calls", "to_apply"."""
    return self.attribute(rf"\b{attribute}=%?([\w.\-]+)")

  @property
  def num_bytes(self) -> float:
    return num_bytes(self.shape)


@dataclasses.dataclass(frozen=True)
class Module:
  """Instructions by computation and name, in the order in which they run."""

  computations: dict[str, dict[str, Instruction]]
  entry: str


def arrays(shape: str) -> Iterator[tuple[str, tuple[int, ...]]]:
  """(type, dimensions) of each array that a shape is made of."""
  for kind, dimensions in _SHAPE.findall(shape):
    if kind in BYTES:
      yield kind, tuple(int(size) for size in dimensions.split(",") if size)


def num_bytes(shape: str) -> float:
  return float(sum(BYTES[kind] * math.prod(dimensions) for kind, dimensions in arrays(shape)))


def parse(text: str) -> Module:
  """Raises ValueError where the text has no entry computation."""
  computations: dict[str, dict[str, Instruction]] = {}
  entry, current = None, None
  for line in text.splitlines():
    if current is None:
      if match := _COMPUTATION.match(line):
        current = computations.setdefault(match[2], {})
        entry = match[2] if match[1] else entry
    elif line == "}":
      current = None
    elif match := _INSTRUCTION.match(line):
      name, shape, opcode, rest = match.groups()
      operands = tuple(re.findall(r"%([\w.\-]+)", rest[: _closing(rest)]))
      current[name] = Instruction(name, shape, opcode, operands, rest)
  if entry is None:
    raise ValueError("this text holds no entry computation of an HLO module")
  return Module(computations, entry)


def _closing(rest: str) -> int:
  """Where the parenthesis closes that the opcode opened."""
  depth = 1
  for place, sign in enumerate(rest):
    depth += (sign == "(") - (sign == ")")
    if depth == 0:
      return place
  return len(rest)


def trip_count(module: Module, computation: str, loop: Instruction) -> int | None:
  """How often a `while` runs: the constant that its condition compares with.

  The bound stands in the condition, or was hoisted into the tuple that the loop starts with.
  None where neither holds.
  """
  condition = module.computations[loop.called("condition") or ""]
  compared = [
    operand
    for instruction in condition.values()
    if instruction.opcode in ("compare", "fusion")
    for operand in instruction.operands
  ]
  for name in compared:
    if (bound := _constant(condition.get(name))) is not None:
      return bound
  outside = module.computations[computation]
  start = outside.get(loop.operands[0])
  for name in compared:
    taken = condition.get(name)
    if taken is None or start is None or taken.opcode != "get-tuple-element":
      continue
    source = outside.get(start.operands[int(taken.attribute(r"index=(\d+)") or 0)])
    while source is not None and source.opcode in ("copy", "bitcast", "copy-done", "copy-start"):
      source = outside.get(source.operands[0])
    if (bound := _constant(source)) is not None and bound > 0:
      return bound
  return None


def _constant(instruction: Instruction | None) -> int | None:
  if instruction is None or instruction.opcode != "constant":
    return None
  number = re.match(r"(-?\d+)\)", instruction.text)
  return int(number[1]) if number else None
