"""How long one chip will take for a step, from the schedule that the compiler made for it.

What is known of each instruction, in this order: the cycles that XLA's cost model wrote beside it
(`estimated_cycles`); for our attention kernels, their arithmetic at the share of the peak that
their schedules reach; bytes moved over the memory's bandwidth.  Loops are multiplied by their trip
counts.  A collective that starts and ends apart runs beside what the schedule puts between, one
after another on the same links; any other holds everything up.
"""

import collections
import dataclasses
import re

from codegen_jax.plan import collectives, hlo
from codegen_jax.plan.hlo import Instruction, Module
from codegen_jax.plan.topology import Topology

# Of the peak, while a kernel runs over causal rows of 2,048: (forward, backward) by chip and width
# of a head.  A Pallas kernel has no cost in the program's text; these come from the schedules that
# libtpu made for it (`python -m benchmarks.attention --topology v4 v5e v5p v6e`).
ATTENTION_EFFICIENCY = {
  "v4": {64: (0.16, 0.28), 80: (0.20, 0.35), 128: (0.33, 0.56), 256: (0.45, 0.63)},
  "v5e": {64: (0.27, 0.36), 80: (0.33, 0.42), 128: (0.55, 0.72), 256: (0.64, 0.71)},
  "v5p": {64: (0.23, 0.32), 80: (0.28, 0.38), 128: (0.51, 0.66), 256: (0.59, 0.68)},
  "v6e": {64: (0.09, 0.16), 80: (0.11, 0.18), 128: (0.18, 0.31), 256: (0.32, 0.51)},
}
# Multiplications of a row's queries with its keys (or what is as large) that a kernel makes.
ATTENTION_PRODUCTS = {
  "prefix_attention_forward": 2,
  "prefix_attention_backward": 5,
}

_FREE = {
  "parameter", "constant", "get-tuple-element", "tuple", "bitcast", "iota", "after-all",
  "partition-id", "replica-id", "opt-barrier",
}  # fmt: skip
_MARKERS = r'custom_call_target="(ConcatBitcast|AllocateBuffer|AssumeGatherIndicesInBound|Sharding|SPMD\w*|annotate\w*)"'  # noqa: E501


@dataclasses.dataclass
class Estimate:
  """Of one step on one chip; seconds unless said otherwise.

  Attributes:
    seconds: from start to end, where collectives run beside computation as scheduled.
    serial_seconds: if nothing ran beside anything.
    matmul_seconds: of fusions around a matrix multiplication.
    attention_seconds: of our attention kernels.
    other_seconds: of all other computation.
    collective_seconds: by kind, of all collectives, hidden or not.
    collective_bytes: by kind.
    collective_counts: by kind.
    unknown: what could not be told: loops without a known end, kernels without a cost.
  """

  seconds: float = 0.0
  serial_seconds: float = 0.0
  matmul_seconds: float = 0.0
  attention_seconds: float = 0.0
  other_seconds: float = 0.0
  collective_seconds: dict[str, float] = dataclasses.field(default_factory=dict)
  collective_bytes: dict[str, float] = dataclasses.field(default_factory=dict)
  collective_counts: dict[str, int] = dataclasses.field(default_factory=dict)
  unknown: dict[str, int] = dataclasses.field(default_factory=dict)

  @property
  def exposed_seconds(self) -> float:
    """In which collectives hold computation up."""
    return max(0.0, self.seconds - self.compute_seconds)

  @property
  def compute_seconds(self) -> float:
    return self.matmul_seconds + self.attention_seconds + self.other_seconds


def estimate(text: str, topology: Topology, *, causal: bool = True) -> Estimate:
  """Of a program compiled for a chip of this topology, given its text.

  Args:
    text: of the program.
    topology: which chip, and how they are joined.
    causal: whether attention reads half of the keys, or all.
  """
  walk = _Walk(hlo.parse(text), topology, causal)
  walk.totals.serial_seconds, walk.totals.seconds = walk.computation(walk.module.entry, 1)
  totals = walk.totals
  totals.collective_seconds = dict(walk.seconds)
  totals.collective_bytes = dict(walk.bytes)
  totals.collective_counts = dict(walk.counts)
  totals.unknown = dict(walk.unknown)
  return totals


class _Clock:
  """Time within one run of a computation: now, and when links and copies will be free again."""

  def __init__(self):
    self.serial = self.now = self.links = self.copies = 0.0
    self.ends: dict[str, float] = {}

  def run(self, seconds: float) -> None:
    self.serial += seconds
    self.now += seconds

  def start_on_links(self, name: str, seconds: float) -> None:
    self.serial += seconds
    self.links = self.ends[name] = max(self.links, self.now) + seconds

  def start_copy(self, name: str, seconds: float) -> None:
    self.copies = self.ends[name] = max(self.copies, self.now) + seconds

  def wait_for(self, name: str) -> None:
    self.now = max(self.now, self.ends.pop(name, 0.0))


class _Walk:
  def __init__(self, module: Module, topology: Topology, causal: bool):
    self.module, self.topology, self.chip = module, topology, topology.chip
    self.keys_read = 1 / 2 if causal else 1
    self.totals = Estimate()
    self.seconds: dict[str, float] = collections.defaultdict(float)
    self.bytes: dict[str, float] = collections.defaultdict(float)
    self.counts: collections.Counter = collections.Counter()
    self.unknown: collections.Counter = collections.Counter()

  def computation(self, name: str, times: int) -> tuple[float, float]:
    """Seconds of one run, (serial, overlapped); totals grow by `times` runs."""
    clock = _Clock()
    for instruction in self.module.computations[name].values():
      self._instruction(instruction, name, times, clock)
    return clock.serial, clock.now

  def _instruction(self, at: Instruction, where: str, times: int, clock: _Clock) -> None:
    opcode = at.opcode
    if opcode in _FREE or (opcode == "custom-call" and re.search(_MARKERS, at.text)):
      return
    if opcode in ("while", "call", "conditional"):
      self._nested(at, where, times, clock)
    elif opcode.endswith(("-done", "-update")):
      clock.wait_for(at.operands[0] if at.operands else "")
    elif opcode in ("copy-start", "slice-start"):
      clock.start_copy(at.name, at.num_bytes / 2 / self.chip.memory_bandwidth)
    elif (inner := self._collective(at)) is not None:
      found = self._count(inner, times)
      if opcode.endswith("-start"):
        clock.start_on_links(at.name, found.seconds)
      else:
        clock.run(found.seconds)
    elif opcode == "fusion" and (inner := self._fused(at)) is not None:
      self._fused_collective(at, inner, where, times, clock)
    else:
      clock.run(self._compute(at, where, times))

  def _nested(self, at: Instruction, where: str, times: int, clock: _Clock) -> None:
    if at.opcode == "while":
      count = hlo.trip_count(self.module, where, at)
      if count is None:
        self.unknown["loops"] += 1
        count = 1
      serial, seconds = self.computation(at.called("body") or "", times * count)
      serial, seconds = serial * count, seconds * count
    else:
      if at.opcode == "call":
        names = [at.called("to_apply") or ""]
      else:
        listed = at.attribute(r"branch_computations=\{([^}]*)\}")
        pattern = r"%([\w.\-]+)" if listed else r"(?:true|false)_computation=%?([\w.\-]+)"
        names = re.findall(pattern, listed or at.text)
      runs = [self.computation(name, times) for name in names]
      serial, seconds = max(run[0] for run in runs), max(run[1] for run in runs)
    clock.serial += serial
    clock.now += seconds

  def _collective(self, at: Instruction) -> Instruction | None:
    if at.opcode.removesuffix("-start") in collectives.KINDS:
      return at
    if at.opcode == "async-start":
      return collectives.within(self.module, at.called("calls"))
    return None

  def _count(self, inner: Instruction, times: int) -> collectives.Collective:
    found = collectives.of(inner, self.topology)
    self.seconds[found.kind] += found.seconds * times
    self.bytes[found.kind] += found.num_bytes * times
    self.counts[found.kind] += times
    return found

  def _fused(self, at: Instruction) -> Instruction | None:
    return collectives.within(self.module, at.called("calls"))

  def _fused_collective(
    self, at: Instruction, inner: Instruction, where: str, times: int, clock: _Clock
  ) -> None:
    """One part of a collective that goes on inside of several fusions, or a whole one.

    The first part starts it and the last waits for it; those between compute beside it.
    """
    called = self.module.computations[at.called("calls") or ""]
    targets = " ".join(instruction.text for instruction in called.values())
    channel = inner.attribute(r"channel_id=(\d+)") or at.name
    if "AsyncCollectiveStart" in targets:
      clock.start_on_links(channel, self._count(inner, times).seconds)
      return
    clock.run(self._compute(at, where, times))
    if "AsyncCollectiveDone" in targets:
      clock.wait_for(channel)
    elif "chain_id" not in inner.text:
      clock.run(self._count(inner, times).seconds)

  def _compute(self, at: Instruction, where: str, times: int) -> float:
    seconds = self._attention(at)
    if seconds is not None:
      self.totals.attention_seconds += seconds * times
      return seconds
    cycles = at.attribute(r'"estimated_cycles":"(\d+)"')
    if cycles and int(cycles) > 0:
      seconds = int(cycles) / self.chip.clock
    else:
      seconds = self._moved(at, where) / self.chip.memory_bandwidth
      if at.opcode == "custom-call":
        self.unknown[at.attribute(r'custom_call_target="([^"]+)"') or "custom-call"] += 1
    if re.search(r"convolution_algorithm_config|dot_general", at.text) and at.opcode == "fusion":
      self.totals.matmul_seconds += seconds * times
    else:
      self.totals.other_seconds += seconds * times
    return seconds

  def _attention(self, at: Instruction) -> float | None:
    products = ATTENTION_PRODUCTS.get(re.sub(r"[.\d]+$", "", at.name))
    if at.opcode != "custom-call" or products is None:
      return None
    shapes = [dimensions for _, dimensions in hlo.arrays(at.shape) if len(dimensions) == 4]
    batch, heads, length, head_dim = max(shapes, key=lambda d: d[0] * d[1] * d[2] * d[3])
    flops = products * 2 * batch * heads * length * length * head_dim * self.keys_read
    shares = ATTENTION_EFFICIENCY[self.chip.name]
    nearest = min(shares, key=lambda width: abs(width - head_dim))
    share = shares[nearest]["forward" not in at.name]
    return flops / (self.chip.flops * share)

  def _moved(self, at: Instruction, where: str) -> float:
    """Bytes read and written; of an operand no more than a fusion can need of it."""
    written = at.num_bytes
    few = at.opcode in ("fusion", "dynamic-slice", "slice")
    operands = (self.module.computations[where].get(name) for name in at.operands)
    read = (operand.num_bytes for operand in operands if operand is not None)
    return written + sum(min(size, 8 * written) if few else size for size in read)
