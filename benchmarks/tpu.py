"""Attention compiled for TPUs that are not here: the memory it takes, and its cores' schedules.

  python -m benchmarks.tpu '[{"chip": "v5e", "way": "flash", "heads": 16, "head_dim": 128}]'

libtpu reads its flags once, so what is compiled is compiled by a process of its own: this module,
which says a line of JSON.  `compiled` runs it.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
import dataclasses
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

import jax
from jax.experimental import topologies
import jax.numpy as jnp

from benchmarks import schedule
from codegen_jax.models import attention, masks
from codegen_jax.types import Array

ROOT = pathlib.Path(__file__).resolve().parents[1]
ENVIRONMENT = {
  "JAX_PLATFORMS": "cpu",
  "JAX_ENABLE_COMPILATION_CACHE": "false",  # which can be written for them, but not read
  "TPU_SKIP_MDS_QUERY": "1",
  "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
  "TPU_ACCELERATOR_TYPE": "v4-8",  # as the next line: only keeps libtpu quiet
  "TPU_WORKER_HOSTNAMES": "localhost",
}


@dataclasses.dataclass(frozen=True)
class Chip:
  """A generation of TPUs: what libtpu calls four of them, and what one of them can do."""

  topology: str
  config: str
  cores: int
  hertz: float
  peak: float  # FLOP/s of the chip in bfloat16

  @property
  def flops_per_cycle(self) -> float:
    """Of one core."""
    return self.peak / self.cores / self.hertz


CHIPS = {
  "v4": Chip("v4:2x2x1", "megacore", cores=2, hertz=1.05e9, peak=275e12),
  "v5e": Chip("v5e:2x2", "default", cores=1, hertz=1.5e9, peak=197e12),
  "v5p": Chip("v5p:2x2x1", "megacore", cores=2, hertz=1.75e9, peak=459e12),
  "v6e": Chip("v6e:2x2", "default", cores=1, hertz=1.75e9, peak=918e12),
}


@dataclasses.dataclass(frozen=True)
class Job:
  """Attention, forward and backward, over rows in bfloat16."""

  chip: str
  way: str  # a kernel of models.attention, or splash
  heads: int
  head_dim: int
  length: int = 2048
  batch_size: int = 1
  attention: masks.Attention = "prefix"


def compiled(jobs: Sequence[Job], *, with_schedule: bool = False) -> list[dict]:
  """For each job its `temp_bytes`; `with_schedule` also its `schedules`.

  A schedule is of one job: kernels of two would have the same names.
  """
  if with_schedule and len(jobs) > 1:
    return [one for job in jobs for one in compiled([job], with_schedule=True)]
  flags, said = {}, json.dumps([dataclasses.asdict(job) for job in jobs])
  with tempfile.TemporaryDirectory() as folder:
    if with_schedule:
      flags["LIBTPU_INIT_ARGS"] = schedule.flags(folder)
    done = subprocess.run(
      [sys.executable, "-m", "benchmarks.tpu", said],
      cwd=ROOT, env={**os.environ, **ENVIRONMENT, **flags}, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
      raise RuntimeError(f"compiling {said} failed:\n{done.stderr[-2000:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    if with_schedule:
      told[0]["schedules"] = schedule.schedules(folder)
  return told


def main(jobs: str) -> None:
  with ThreadPoolExecutor() as pool:
    print(json.dumps([*pool.map(_compile, [Job(**job) for job in json.loads(jobs)])]))


@functools.cache
def _place(chip: str) -> jax.sharding.Sharding:
  asked = CHIPS[chip]
  devices = topologies.get_topology_desc(
    asked.topology, "tpu", chip_config_name=asked.config, chips_per_host_bounds=(2, 2, 1)
  ).devices
  return jax.sharding.SingleDeviceSharding(devices[0])


def _compile(job: Job) -> dict[str, Any]:
  place = _place(job.chip)

  def array(*shape: int, dtype: Any = jnp.bfloat16) -> Any:
    return jax.ShapeDtypeStruct(shape, dtype, sharding=place)

  rows = job.batch_size, job.length
  each = array(*rows, job.heads, job.head_dim)
  segment_ids, positions = array(*rows, dtype=jnp.int32), array(*rows, dtype=jnp.int32)
  prefix_mask = array(*rows, dtype=bool) if job.attention == "prefix" else None
  mask = masks.AttentionMask(segment_ids, positions, prefix_mask)
  run = both(splash if job.way == "splash" else attention.KERNELS[job.way])
  program: Any = jax.jit(run).lower(each, each, each, each, mask).compile()
  return {"temp_bytes": program.memory_analysis().temp_size_in_bytes}


def both(attend: Callable[..., Array]) -> Callable[..., tuple[Array, tuple[Array, ...]]]:
  """What is read, and the gradients by queries, keys and values."""

  def run(q, k, v, d_out, mask):
    out, vjp = jax.vjp(lambda q, k, v: attend(q, k, v, mask), q, k, v)
    return out, vjp(d_out)

  return run


def splash(q: Array, k: Array, v: Array, mask: masks.AttentionMask) -> Array:
  """JAX's own, causal, on packed rows, as MaxText sets its blocks."""
  from jax.experimental.pallas.ops.tpu.splash_attention import splash_attention_kernel as kernel
  from jax.experimental.pallas.ops.tpu.splash_attention import splash_attention_mask as static

  length, heads, dim = q.shape[1:]
  causal = static.MultiHeadMask([static.CausalMask((length, length))] * heads)
  sizes: dict[str, Any] = dict.fromkeys(
    (f"block_{part}" for part in ("q", "kv", "kv_compute", "q_dkv", "kv_dkv", "kv_dkv_compute")),
    schedule.BLOCK,
  )
  blocks = kernel.BlockSizes(**sizes, use_fused_bwd_kernel=True)
  row = kernel.make_splash_mha_single_device(causal, block_sizes=blocks)

  def of_row(q, k, v, segments):
    q, k, v = (jnp.swapaxes(x, 0, 1) for x in (q * dim**-0.5, k, v))
    return jnp.swapaxes(row(q, k, v, kernel.SegmentIds(segments, segments)), 0, 1)

  return jax.vmap(of_row)(q, k, v, mask.segment_ids)


if __name__ == "__main__":
  main(*sys.argv[1:])
