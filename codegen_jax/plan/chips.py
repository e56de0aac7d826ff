"""What each generation of TPU can do, and the shapes it is sold in.

Peaks, memory and bandwidths are Google's (cloud.google.com/tpu/docs, a page a generation).  Clocks
are those that give the peak from the number of matrix units.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Chip:
  """One chip, which JAX sees as one device.

  Attributes:
    name: as in a topology's name.
    kind: what JAX calls a device of it.
    flops: peak of dense bfloat16, FLOP/s.
    clock: cycles a second.
    memory: bytes of HBM that a program may use, as libtpu says when one is too large.
    memory_bandwidth: bytes a second.
    link: bytes a second of one link in one direction.
    dimensions: of the torus.
    cores: TensorCores of a chip; the names of v4 and v5p count these, not chips.
    config: what libtpu calls a chip that is one device.
    shapes: chips -> the shape of a slice that has so many.
  """

  name: str
  kind: str
  flops: float
  clock: float
  memory: float
  memory_bandwidth: float
  link: float
  dimensions: int
  cores: int
  config: str
  shapes: dict[int, tuple[int, ...]]

  def slice_name(self, chips: int) -> str:
    """v4-256 for 128 chips of v4."""
    return f"{self.name}-{chips * self.cores}"


_TORUS_3D: dict[int, tuple[int, ...]] = {
  4: (2, 2, 1),
  8: (2, 2, 2),
  16: (2, 2, 4),
  32: (2, 4, 4),
  64: (4, 4, 4),
  128: (4, 4, 8),
  192: (4, 4, 12),
  256: (4, 8, 8),
  512: (8, 8, 8),
  1024: (8, 8, 16),
  2048: (8, 16, 16),
}
_TORUS_2D: dict[int, tuple[int, ...]] = {
  1: (1, 1),
  4: (2, 2),
  8: (2, 4),
  16: (4, 4),
  32: (4, 8),
  64: (8, 8),
  128: (8, 16),
  256: (16, 16),
}

CHIPS = {
  chip.name: chip
  for chip in (
    Chip(
      "v4", "TPU v4", 275e12, 1.05e9, 30.75 * 2**30, 1.2e12, 4.5e10,
      dimensions=3, cores=2, config="megacore", shapes=_TORUS_3D,
    ),
    Chip(
      "v5p", "TPU v5", 459e12, 1.75e9, 95.74 * 2**30, 2.765e12, 9e10,
      dimensions=3, cores=2, config="megacore", shapes=_TORUS_3D,
    ),
    Chip(
      "v5e", "TPU v5 lite", 197e12, 1.5e9, 15.75 * 2**30, 8.1e11, 4.5e10,
      dimensions=2, cores=1, config="default", shapes=_TORUS_2D,
    ),
    Chip(
      "v6e", "TPU v6 lite", 918e12, 1.75e9, 31.25 * 2**30, 1.64e12, 9e10,
      dimensions=2, cores=1, config="default", shapes=_TORUS_2D,
    ),
  )
}  # fmt: skip
