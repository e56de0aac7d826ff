"""How long a torus takes to bring together what its chips hold."""

import dataclasses
import math
import re

from codegen_jax.plan import hlo
from codegen_jax.plan.hlo import Instruction, Module
from codegen_jax.plan.topology import Topology

KINDS = (
  "all-gather", "all-reduce", "reduce-scatter", "all-to-all", "collective-permute",
  "ragged-all-to-all", "collective-broadcast",
)  # fmt: skip
_HOP = 1e-6  # seconds, of a first byte from one chip to the next


@dataclasses.dataclass(frozen=True)
class Collective:
  """One collective of one chip.

  Attributes:
    kind: of KINDS.
    num_bytes: of the whole array that the group has together.
    seconds: on links that carry nothing else.
  """

  kind: str
  num_bytes: float
  seconds: float


def of(instruction: Instruction, topology: Topology) -> Collective:
  """A ring in both directions along each axis k of the torus that the group spans, all at once:

  all-gather, reduce-scatter   bytes (n - 1) / n / (2 k link)
  all-reduce                   twice that
  all-to-all                   a quarter of it, times the longest ring / 4 where that is longer
  collective-permute           bytes / link
  """
  kind = instruction.opcode.removesuffix("-start")
  link, size = topology.chip.link, group_size(instruction.text, topology.chips)
  num_bytes = _bytes(instruction, kind, size)
  if kind == "collective-permute":
    return Collective(kind, num_bytes, num_bytes / link + _HOP)
  axes = _axes(instruction.text, size, topology)
  seconds = num_bytes * (size - 1) / max(size, 1) / (2 * axes * link)
  ring = size ** (1 / axes)
  if kind == "all-reduce":
    seconds *= 2
  if kind.endswith("all-to-all"):
    seconds *= max(1.0, ring / 4) / 4
  return Collective(kind, num_bytes, seconds + _HOP * ring)


def within(module: Module, name: str | None, depth: int = 0) -> Instruction | None:
  """The collective that a fusion or an asynchronous call wraps, if it wraps one."""
  for instruction in module.computations.get(name or "", {}).values():
    if instruction.opcode.removesuffix("-start") in KINDS:
      return instruction
    if instruction.opcode in ("fusion", "call", "async-start") and depth < 4:
      called = instruction.called("calls") or instruction.called("to_apply")
      if found := within(module, called, depth + 1):
        return found
  return None


def group_size(text: str, chips: int) -> int:
  """How many chips take part together, in each of the three ways that XLA writes it."""
  if match := re.search(r"replica_groups=\[(\d+),(\d+)\]", text):
    return int(match[2])
  if match := re.search(r"replica_groups=mesh\[([^\]]*)\]\s*(?:\([^)]*\)\s*)?\{([^}]*)\}", text):
    sizes = {name: int(size) for name, size in re.findall(r"'(\w+)'=(\d+)", match[1])}
    parts = re.findall(r"'(\w+)'(?::\(\d+\)(\d+))?", match[2])
    return math.prod(int(part) if part else sizes.get(name, 1) for name, part in parts)
  if match := re.search(r"replica_groups=\{\{([\d,]+)\}", text):
    return match[1].count(",") + 1
  return chips


def _bytes(instruction: Instruction, kind: str, size: int) -> float:
  num_bytes = instruction.num_bytes
  if instruction.opcode.endswith("-start") and instruction.shape.startswith("("):
    # (what is sent, what is received, and for a permutation two flags)
    shares = {"all-gather": size / (size + 1), "all-reduce": 1 / 2, "collective-permute": 1 / 2}
    arrays = len(list(hlo.arrays(instruction.shape)))
    num_bytes *= shares.get(kind, 1.0) if arrays > 1 else 1.0
  return num_bytes * size if kind == "reduce-scatter" else num_bytes


def _axes(text: str, size: int, topology: Topology) -> int:
  """Axes of the torus that the group spans: as the compiler says, or as many as it needs."""
  if match := re.search(r"active_dims:(\d+)", text):
    return max(1, match[1].count("1"))
  if match := re.search(r'"emitter":"(\d)D', text):
    return int(match[1])
  if re.search(r"UniDirection1D|1DRing", text):
    return 1
  reached, axes = 1, 0
  for side in sorted(topology.shape, reverse=True):
    if reached < size:
      reached, axes = reached * side, axes + (side > 1)
  return max(1, axes)
