"""Where arrays live: the mesh, one table from logical to mesh axes, and what applies it.

This is the only file that names a mesh axis.
"""

from collections.abc import Iterator, Mapping
import contextlib
import dataclasses
import itertools
import math

from flax import linen as nn
import jax
from jax.experimental import mesh_utils
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec
import numpy as np

from codegen_jax.errors import InputError
from codegen_jax.types import PyTree

Rules = Mapping[str, str | tuple[str, ...] | None]  # logical axis -> mesh axis

RULES: Rules = {
  "batch": ("data", "fsdp"),
  "length": None,
  "residual_length": None,
  "embed": "fsdp",
  "embed_act": None,
  "embed_vector": None,
  "heads": "model",
  "head_dim": None,
  "mlp": "model",
  "vocab": "model",
  "layers": None,
}


@dataclasses.dataclass(frozen=True)
class PartitioningConfig:
  """Devices along each axis of the mesh; -1 takes all that the other two leave.

  data: batches are split, weights are copied.  fsdp: batches and weights are split, weights are
  gathered layer by layer.  model: heads, MLP and vocabulary are split.

  Attributes:
    data: copies of the model.
    fsdp: parts of each weight along D.
    model: parts of each weight along heads, MLP or vocabulary.
    split_residual: whether what passes between blocks is split along the row over `model`, which
      otherwise holds it in full `model` times (sequence parallelism, 2205.05198).
    slices: parts of the machine that only the data-centre network joins.  Each holds
      `data / slices` whole copies of the model, so gradients alone cross that network.
  """

  data: int = -1
  fsdp: int = 1
  model: int = 1
  split_residual: bool = False
  slices: int = 1

  def __post_init__(self):
    sizes = (self.data, self.fsdp, self.model)
    if any(size < 1 and size != -1 for size in sizes) or sizes.count(-1) > 1:
      raise InputError(
        f"the mesh data={self.data}, fsdp={self.fsdp}, model={self.model} cannot be made: each axis"
        " is at least 1, and at most one of them may be -1 (all devices that remain)"
      )
    if self.slices < 1:
      raise InputError(f"slices is {self.slices}; it must be at least 1")

  @property
  def rules(self) -> Rules:
    return {**RULES, "residual_length": "model"} if self.split_residual else RULES

  @property
  def axes(self) -> dict[str, int]:
    return {"data": self.data, "fsdp": self.fsdp, "model": self.model}


def spread(embed_dim: int) -> PartitioningConfig:
  """Each of this machine's devices, or as many as can, holds a part of every matrix."""
  return PartitioningConfig(data=1, fsdp=math.gcd(embed_dim, len(jax.devices())), model=1)


def make_mesh(config: PartitioningConfig, devices: list[jax.Device] | None = None) -> Mesh:
  """A mesh of this machine's devices, or of others that are only described.

  Raises:
    InputError: there are too few devices, or not so many slices of them.
  """
  devices = jax.devices() if devices is None else devices
  sizes = config.axes
  fixed = math.prod(size for size in sizes.values() if size != -1)
  if fixed > len(devices) or (-1 in sizes.values() and len(devices) % fixed):
    asked = " x ".join(f"{axis} {size}" for axis, size in sizes.items())
    raise InputError(
      f"the mesh {asked} asks for {'a multiple of ' if -1 in sizes.values() else ''}{fixed}"
      f" devices and there are {len(devices)}; change PartitioningConfig, or on a CPU set"
      f" JAX_NUM_CPU_DEVICES={fixed}"
    )
  shape = tuple(len(devices) // fixed if size == -1 else size for size in sizes.values())
  placed = _placed(devices[: math.prod(shape)], shape, config.slices)
  # Not jax.make_mesh: it splits no axis of a torus, and knows no slices.
  return Mesh(placed, tuple(sizes), axis_types=(AxisType.Auto,) * 3)


def _placed(devices: list[jax.Device], shape: tuple[int, ...], slices: int) -> np.ndarray:
  """Devices in the shape of the mesh, such that `model` has the nearest neighbours."""
  on_tpu, on_cpu = (devices[0].platform == platform for platform in ("tpu", "cpu"))
  # Devices of one slice need not know of slices.
  in_slices = len({getattr(device, "slice_index", 0) for device in devices})
  if slices == 1 and not (on_tpu and in_slices > 1):
    return mesh_utils.create_device_mesh(shape, devices, allow_split_physical_axes=True)
  # CPUs have no slices, so each process stands for one.
  found = len({device.process_index for device in devices}) if on_cpu else in_slices
  if found != slices:
    kind = "processes" if on_cpu else "slices"
    raise InputError(
      f"slices is {slices} and the {len(devices)} devices lie in {found} {kind}; set"
      f" PartitioningConfig.slices={found}"
    )
  data, *inner = shape
  if data % slices:
    raise InputError(
      f"data is {data} and slices is {slices}: each slice holds whole copies of the model, so data"
      f" must be a multiple of slices; the nearest is {_nearest(data, slices)}"
    )
  return mesh_utils.create_hybrid_device_mesh(
    (data // slices, *inner),
    (slices, 1, 1),
    devices,
    process_is_granule=on_cpu,
    allow_split_physical_axes=True,
  )


def _nearest(number: int, step: int) -> int:
  """The multiple of `step`, at least one of it, that is nearest to `number`."""
  return max(1, round(number / step)) * step


def spec(names: tuple[str | None, ...], rules: Rules = RULES) -> PartitionSpec:
  """The mesh axes of an array with these logical axes; a name outside the table is an error."""
  unknown = [name for name in names if name is not None and name not in rules]
  if unknown:
    raise ValueError(f"no rule says where the logical axis {unknown[0]!r} lives; add it to RULES")
  return PartitionSpec(*(None if name is None else rules[name] for name in names))


def state_sharding(boxed_state: PyTree, mesh: Mesh, rules: Rules = RULES) -> PyTree:
  """A NamedSharding for every array of a state whose weights still carry their axis names.

  Raises:
    InputError: a weight's axis is not a multiple of the mesh axis it is split over.
  """
  # Of each set of mesh axes, what all that is split over it can be divided by.
  common: dict[tuple[str, ...], int] = {}
  for leaf in jax.tree.leaves(boxed_state, is_leaf=_boxed):
    if _boxed(leaf):
      for size, axes in zip(leaf.value.shape, spec(leaf.names, rules), strict=True):
        common[_tuple(axes)] = math.gcd(common.get(_tuple(axes), 0), size)

  def place(path, leaf) -> NamedSharding:
    names = leaf.names if _boxed(leaf) else ()
    sharding = NamedSharding(mesh, spec(names, rules))
    shape = leaf.value.shape if _boxed(leaf) else leaf.shape
    for name, size, axes in zip(names, shape, sharding.spec, strict=False):
      ways = _ways(mesh, axes)
      if size % ways:
        raise InputError(
          f"{jax.tree_util.keystr(path)} has {size} {name} and the mesh splits them {ways} ways;"
          f" the nearest that divides all that is split so is {' x '.join(_tuple(axes))} ="
          f" {_nearest_divisor(common[_tuple(axes)], ways)}"
        )
    return sharding

  return jax.tree_util.tree_map_with_path(place, boxed_state, is_leaf=_boxed)


def _boxed(leaf) -> bool:
  return isinstance(leaf, nn.LogicallyPartitioned)


def _nearest_divisor(size: int, ways: int) -> int:
  divisors = [number for number in range(1, size + 1) if size % number == 0]
  return min(divisors, key=lambda number: abs(number - ways))


def batch_sharding(
  mesh: Mesh, batch_size: int, *, microbatches: int = 1, rules: Rules = RULES
) -> NamedSharding:
  """Rows are split, positions are not.

  Raises:
    InputError: the rows of a microbatch do not divide by the devices that share them.
  """
  sharding = NamedSharding(mesh, spec(("batch", "length"), rules))
  ways = _ways(mesh, sharding.spec[0]) * microbatches
  if batch_size % ways:
    shared = " x ".join(_tuple(sharding.spec[0])) + (" x microbatches" if microbatches > 1 else "")
    raise InputError(
      f"BATCH_SIZE is {batch_size} rows, which cannot be shared evenly among {ways} ({shared}); the"
      f" nearest that can is {max(ways, batch_size // ways * ways)}"
    )
  return sharding


def least_rows(mesh: Mesh, batch_size: int, rules: Rules = RULES) -> int:
  """The fewest rows, but not fewer than these, that the mesh can share evenly."""
  ways = _ways(mesh, spec(("batch", "length"), rules)[0])
  return -(-batch_size // ways) * ways


def local_rows(sharding: NamedSharding, shape: tuple[int, int]) -> range:
  """The rows of a [B, L] batch that this process has to read."""
  indices = sharding.addressable_devices_indices_map(shape).values()
  spans = sorted({index[0].indices(shape[0])[:2] for index in indices if index is not None})
  if any(before[1] != after[0] for before, after in itertools.pairwise(spans)):
    raise ValueError(f"the rows of this process are not in one piece: {spans}")
  return range(spans[0][0], spans[-1][1])


def parts(name: str) -> int:
  """How many parts the mesh that is in force makes of this logical axis; 1 without a mesh."""
  mesh = jax.sharding.get_abstract_mesh()
  if mesh.empty:
    return 1
  axes = nn.logical_to_mesh_axes((name,))
  return 1 if axes is None else _ways(mesh, axes[0])


def replicated(mesh: Mesh) -> NamedSharding:
  return NamedSharding(mesh, PartitionSpec())


@contextlib.contextmanager
def on(mesh: Mesh, rules: Rules = RULES) -> Iterator[None]:
  """Inside, a model's logical constraints mean places on this mesh."""
  with jax.set_mesh(mesh), nn.logical_axis_rules(tuple(rules.items())):
    yield


def _tuple(axes: str | tuple[str, ...] | None) -> tuple[str, ...]:
  return () if axes is None else (axes,) if isinstance(axes, str) else tuple(axes)


def _ways(mesh: Mesh | AbstractMesh, axes: str | tuple[str, ...] | None) -> int:
  return math.prod(mesh.shape[axis] for axis in _tuple(axes))
