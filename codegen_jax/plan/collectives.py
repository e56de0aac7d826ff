"""How long a torus takes to bring together what its chips hold."""

import dataclasses
import math
import re

import numpy as np

from codegen_jax.plan import hlo
from codegen_jax.plan.hlo import Instruction, Module
from codegen_jax.plan.topology import Topology

KINDS = (
  "all-gather", "all-reduce", "reduce-scatter", "all-to-all", "collective-permute",
  "ragged-all-to-all", "collective-broadcast",
)  # fmt: skip
# Bytes a second of one chip between slices: v5e's 6.4 Tbit/s for a pod of 256, assumed for all.
NETWORK = 6.4e12 / 8 / 256
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
  group = first_group(instruction.text, topology.chips)
  link, size = topology.chip.link, len(group)
  num_bytes = _bytes(instruction, kind, size)
  slices = len({chip // (topology.chips // topology.slices) for chip in group})
  if slices > 1 and kind != "collective-permute":
    # The torus is so much faster than the network that its own part does not show.
    ways = 2 if kind == "all-reduce" else 1
    of_one = num_bytes * slices / size
    return Collective(kind, num_bytes, ways * of_one * (slices - 1) / slices / NETWORK)
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


def first_group(text: str, chips: int) -> list[int]:
  """The chips of the first group that takes part together, in each way that XLA writes groups."""
  if match := re.search(r"replica_groups=\[(\d+),(\d+)\]<=\[([\d,]+)\](?:T\(([\d,]+)\))?", text):
    size, shape = int(match[2]), [int(side) for side in match[3].split(",")]
    order = [int(axis) for axis in match[4].split(",")] if match[4] else range(len(shape))
    return _numbered(shape).transpose(*order).reshape(-1, size)[0].tolist()
  if match := re.search(r"replica_groups=mesh\[([^\]]*)\]\s*(?:\([^)]*\)\s*)?\{([^}]*)\}", text):
    sizes = {name: int(size) for name, size in re.findall(r"'(\w+)'=(\d+)", match[1])}
    parts = re.findall(r"'(\w+)'(?::\((\d+)\)(\d+))?", match[2])
    # An axis in parts, 'a':(2)4, is 4 of it, each 2 times as far from the next as the rest of it.
    chosen = _numbered([*sizes.values()])
    for axis, (name, size) in enumerate(sizes.items()):
      taken = [(before, part) for other, before, part in parts if other == name]
      picked = [0] if not taken else range(size)
      for before, part in taken:
        if part:
          step = size // (int(before) * int(part))
          picked = [place * step for place in range(int(part))]
      chosen = chosen.take(picked, axis=axis)
    return sorted(chosen.reshape(-1).tolist())
  if match := re.search(r"replica_groups=\{\{([\d,]+)\}", text):
    return [int(chip) for chip in match[1].split(",")]
  return [*range(chips)]


def _numbered(shape: list[int]) -> np.ndarray:
  return np.arange(math.prod(shape)).reshape(shape)


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
