"""What Google Cloud calls a slice: its type, its nodes, the software of its machines."""

import dataclasses
import math

from codegen_jax.errors import InputError
from codegen_jax.plan.topology import Topology

CHIPS_A_NODE = 4  # of GKE's machines with more than one chip that make up slices


@dataclasses.dataclass(frozen=True)
class Names:
  """Of one generation.

  Attributes:
    prefix: of an accelerator type; v5e is sold as v5litepod.
    accelerator: GKE's label of a node.
    machine: GKE's type of a node, but for the number of its chips.
    runtime: the software of a TPU VM.
  """

  prefix: str
  accelerator: str
  machine: str
  runtime: str


NAMES = {
  "v4": Names("v4", "tpu-v4-podslice", "ct4p-hightpu", "tpu-ubuntu2204-base"),
  "v5e": Names("v5litepod", "tpu-v5-lite-podslice", "ct5lp-hightpu", "v2-alpha-tpuv5-lite"),
  "v5p": Names("v5p", "tpu-v5p-slice", "ct5p-hightpu", "v2-alpha-tpuv5"),
  "v6e": Names("v6e", "tpu-v6e-slice", "ct6e-standard", "v2-alpha-tpuv6e"),
}


@dataclasses.dataclass(frozen=True)
class Slice:
  """A topology in Google Cloud's words."""

  topology: Topology

  def __post_init__(self):
    if self.topology.chip.name not in NAMES:
      known = ", ".join(NAMES)
      raise InputError(
        f"there is no launch for TPU {self.topology.chip.name} yet; there is {known}"
      )

  @property
  def names(self) -> Names:
    return NAMES[self.topology.chip.name]

  @property
  def chips(self) -> int:
    return math.prod(self.topology.shape)

  @property
  def chips_a_node(self) -> int:
    return min(self.chips, CHIPS_A_NODE)

  @property
  def nodes(self) -> int:
    """Pods of a slice on GKE, a process each."""
    return self.chips // self.chips_a_node

  @property
  def accelerator_type(self) -> str:
    """v4-256, v5litepod-256."""
    return f"{self.names.prefix}-{self.chips * self.topology.chip.cores}"

  @property
  def machine_type(self) -> str:
    return f"{self.names.machine}-{self.chips_a_node}t"

  @property
  def shape(self) -> str:
    return "x".join(map(str, self.topology.shape))
