"""Plans for many ways to use a pod, ranked.  libtpu is one process's, so each has its own."""

import argparse
from collections.abc import Iterator, Sequence
import concurrent.futures
import dataclasses
import itertools
import json
import math
import subprocess
import sys
import time
from typing import Any

from codegen_jax import did_you_mean
from codegen_jax.errors import InputError
from codegen_jax.partitioning import PartitioningConfig
from codegen_jax.plan.topology import Topology
from codegen_jax.training.config import TrainConfig

# From what keeps least to what keeps most, so that a sweep knows when more cannot fit.
REMATS = ("full", "context", "qkv", "mlp", "dots", "none")


@dataclasses.dataclass(frozen=True)
class Variant:
  """One way to run a config.

  Attributes:
    mesh: devices along each axis, by name.
    remat: what the backward pass computes again.
    batch_size: rows of a step.
  """

  mesh: tuple[tuple[str, int], ...]
  remat: str
  batch_size: int

  def __str__(self) -> str:
    mesh = ",".join(f"{axis}={size}" for axis, size in self.mesh if size > 1) or "one device"
    return f"{mesh:24} {self.remat:8} {self.batch_size:6,} rows"

  @property
  def bindings(self) -> list[str]:
    return [
      *[f"partitioning.PartitioningConfig.{axis} = {size}" for axis, size in self.mesh],
      f"model_config.TransformerConfig.remat = '{self.remat}'",
      f"BATCH_SIZE = {self.batch_size}",
    ]


def variants(
  config: TrainConfig,
  topology: Topology,
  meshes: Sequence[str] | None,
  remats: Sequence[str] | None,
  batches: Sequence[int] | None,
) -> list[Variant]:
  """All combinations, from what needs least memory to what needs most.

  Raises:
    InputError: a mesh or a policy that does not exist.
  """
  chips = topology.chips
  axes = tuple(PartitioningConfig().axes)
  data, _, model = axes
  if meshes is None:
    meshes = [f"{model}=1", f"{model}=2", f"{data}=2"] if chips % 2 == 0 else [f"{model}=1"]
  found = [_mesh(text, axes, chips) for text in meshes]
  for policy in remats or ():
    if policy not in REMATS:
      raise InputError(f"there is no remat {policy!r}{did_you_mean.suggestion(policy, REMATS)}")
  chosen = sorted(remats or REMATS[:4], key=REMATS.index)
  return [
    Variant(tuple((axis, mesh.get(axis, 1)) for axis in axes), remat, batch)
    for mesh, batch, remat in itertools.product(
      found, sorted(batches or [config.data.batch_size]), chosen
    )
  ]


def _mesh(text: str, axes: tuple[str, ...], chips: int) -> dict[str, int]:
  """What the text leaves of the chips is the axis along which weights and rows are split."""
  mesh: dict[str, int] = {}
  for part in text.split(","):
    axis, _, size = part.partition("=")
    if axis not in axes or not size.isdigit() or int(size) < 1:
      near = did_you_mean.suggestion(axis, axes) if axis not in axes else ""
      raise InputError(f"the mesh {text!r} cannot be read at {part!r}{near}; write data=2,model=4")
    mesh[axis] = int(size)
  product = math.prod(mesh.values())
  rest, over = divmod(chips, product)
  if over or (rest > 1 and axes[1] in mesh):
    raise InputError(f"the mesh {text} has {product} devices and the topology {chips}")
  return mesh if axes[1] in mesh else {**mesh, axes[1]: rest}


def run(
  tried: Sequence[Variant], topology: Topology, gin_flags: list[str], flags: argparse.Namespace
) -> None:
  """Compiles each, tells of each as it comes, and prints the ranking, also when interrupted."""
  results: list[tuple[Variant, dict[str, Any]]] = []
  try:
    for number, (variant, told) in enumerate(_compiled(tried, gin_flags, flags), 1):
      results.append((variant, told))
      print(f"plan  {number}/{len(tried)}  {variant}  {_told(told)}", file=sys.stderr, flush=True)
  finally:
    ranked = sorted(results, key=lambda result: -result[1].get("tokens_per_second", 0.0))
    if flags.json:
      print(json.dumps([told for _, told in ranked]))
    else:
      print(f"{topology}, from the fastest:")
      for variant, told in ranked:
        print(f"  {variant}  {_told(told)}")


def _compiled(
  tried: Sequence[Variant], gin_flags: list[str], flags: argparse.Namespace
) -> Iterator[tuple[Variant, dict[str, Any]]]:
  too_large: set[tuple[Any, int]] = set()

  def one(variant: Variant) -> tuple[Variant, dict[str, Any]]:
    group = variant.mesh, variant.batch_size
    if group in too_large:
      return variant, {"failed": "not tried: a policy that keeps less does not fit"}
    told = _plan_in_a_process(variant, gin_flags, flags)
    if told.get("fits") is False:
      too_large.add(group)
    return variant, told

  with concurrent.futures.ThreadPoolExecutor(flags.jobs) as pool:
    futures = [pool.submit(one, variant) for variant in tried]
    try:
      for future in concurrent.futures.as_completed(futures):
        yield future.result()
    finally:
      pool.shutdown(wait=False, cancel_futures=True)


def _plan_in_a_process(
  variant: Variant, gin_flags: list[str], flags: argparse.Namespace
) -> dict[str, Any]:
  command = [
    *(sys.executable, "-m", "codegen_jax.main", "plan", "--json", f"--topology={flags.topology}"),
    *([] if flags.tokens is None else [f"--tokens={flags.tokens}"]),
    *gin_flags,
    *[f"--gin_bindings={binding}" for binding in variant.bindings],
  ]
  begun = time.monotonic()
  done = subprocess.run(command, capture_output=True, text=True, check=False)
  if done.returncode:
    return {"failed": (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]}
  return json.loads(done.stdout) | {
    "bindings": variant.bindings,
    "compile_seconds": time.monotonic() - begun,
  }


def _told(told: dict[str, Any]) -> str:
  if "failed" in told:
    return told["failed"]
  memory = f"{told['memory']['total'] / 2**30:6.2f} GiB"
  if not told["fits"]:
    return f"does not fit ({memory})"
  return f"{told['utilisation']:.3f} of peak, {told['estimate']['seconds']:7.3f} s a step, {memory}"
