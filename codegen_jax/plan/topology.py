"""Devices of a TPU pod that is not there, as libtpu describes them on any Linux x86 machine."""

import dataclasses
import importlib.util
import math
import os
import re
from typing import Any

import jax

from codegen_jax import did_you_mean
from codegen_jax.errors import InputError
from codegen_jax.plan.chips import CHIPS, Chip

# Read by libtpu when it is loaded: there is no TPU here, no metadata server to ask for one, and
# another process may do the same.
ENVIRONMENT = {
  "TPU_SKIP_MDS_QUERY": "1",
  "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
  "TPU_ACCELERATOR_TYPE": "v4-8",
  "TPU_WORKER_HOSTNAMES": "localhost",
}


@dataclasses.dataclass(frozen=True)
class Topology:
  """Slices of one shape; a slice is what one torus connects.

  Attributes:
    chip: its generation.
    shape: chips along each axis of a slice's torus.
    slices: how many, joined by the data-centre network.
  """

  chip: Chip
  shape: tuple[int, ...]
  slices: int = 1

  @property
  def chips(self) -> int:
    """Of all slices."""
    return math.prod(self.shape) * self.slices

  def __str__(self) -> str:
    torus = f"{self.chip.name}:{'x'.join(map(str, self.shape))}"
    name = f"{torus} ({self.chip.slice_name(math.prod(self.shape))})"
    return f"{self.slices} slices of {name}" if self.slices > 1 else name


def parse(name: str, slices: int = 1) -> Topology:
  """`v4:4x4x8`, or `v4-256` as it is sold (v4 and v5p count two TensorCores a chip).

  Raises:
    InputError: there is no such slice; the sentence names the nearest.
  """
  match = re.fullmatch(r"([a-z0-9]+)(?::(\d+(?:x\d+)*)|-(\d+))", name.strip().lower())
  if match is None:
    raise InputError(
      f"--topology is {name!r}; write a generation and a shape or a size, e.g. v4:4x4x8 or v5e-256"
    )
  generation = {"v5litepod": "v5e"}.get(match[1], match[1])
  if generation not in CHIPS:
    near = did_you_mean.suggestion(generation, CHIPS)
    raise InputError(f"--topology is {name!r} and there is no TPU {match[1]!r}{near}")
  chip = CHIPS[generation]
  if match[3] is not None:
    chips, rest = divmod(int(match[3]), chip.cores)
    if rest or chips not in chip.shapes:
      raise InputError(f"there is no slice {name}; {_nearest(chip, max(chips, 1))}")
    return Topology(chip, chip.shapes[chips], slices)
  shape = tuple(map(int, match[2].split("x")))
  if tuple(sorted(shape)) not in {tuple(sorted(known)) for known in chip.shapes.values()}:
    raise InputError(f"there is no slice {name}; {_nearest(chip, math.prod(shape))}")
  return Topology(chip, shape, slices)


def _nearest(chip: Chip, chips: int) -> str:
  near = min(chip.shapes, key=lambda known: abs(math.log(known / max(chips, 1))))
  shape = "x".join(map(str, chip.shapes[near]))
  return f"the nearest is {chip.name}:{shape} ({chip.slice_name(near)}, {near} chips)"


def describe(topology: Topology) -> list[jax.Device]:
  """Its devices, which can be compiled for and nothing else.

  Raises:
    InputError: libtpu is not installed, or does not know this topology.
  """
  if importlib.util.find_spec("libtpu") is None:
    raise InputError(
      "plan compiles with libtpu, which is not installed; pip install 'codegen-jax[plan]' (it needs"
      " no TPU, but Linux on x86)"
    )
  for name, value in ENVIRONMENT.items():
    os.environ.setdefault(name, value)
  from jax.experimental import topologies

  options: dict[str, Any] = {
    "chip_config_name": topology.chip.config,
    "chips_per_host_bounds": _host(topology),
    "wrap": _wrapped(topology),
    "num_slices": topology.slices,
  }
  shape = "x".join(map(str, topology.shape))
  try:
    described = topologies.get_topology_desc(
      topology_name=f"{topology.chip.name}:{shape}", platform="tpu", **options
    )
  except Exception as error:
    reason = str(error).splitlines()[0]
    raise InputError(f"libtpu does not describe {topology}: {reason}") from error
  return list(described.devices)


def _host(topology: Topology) -> tuple[int, int, int]:
  """Chips of one host machine along each axis."""
  a, b = topology.shape[:2]
  return min(a, 2), min(b, 2), 1


def _wrapped(topology: Topology) -> tuple[bool, bool, bool]:
  """Which axes of the torus close: of whole 4x4x4 cubes all do; in two dimensions those of 16."""
  if topology.chip.dimensions == 3:
    return (all(side % 4 == 0 for side in topology.shape),) * 3
  a, b = topology.shape
  return a == 16, b == 16, False
