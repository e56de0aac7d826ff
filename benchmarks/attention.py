"""How long attention takes, and the memory it needs: each way of `models.attention`.

  python -m benchmarks.attention                            # on the machine at hand
  python -m benchmarks.attention --topology v4 v5e v5p v6e  # for TPUs that are not here

On this machine every way takes its turn in each round.  For a TPU that is not here the kernel is
compiled beside JAX's splash attention, and the figures are those of the two schedules; that needs
libtpu.  README.md says more.
"""

import argparse
from collections.abc import Sequence
import json
import statistics
import sys
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import schedule, tpu
from codegen_jax.models import attention, masks

# Heads and their size: those of the published models.
SHAPES = {"350M": (16, 64), "2B": (32, 80), "1B": (16, 128), "7B": (16, 256), "16B": (24, 256)}
MASKS = ("causal", "packed", "packed_prefix")

ONLY_ON = {"flash": "tpu", "cudnn": "gpu"}


def main(argv: Sequence[str]) -> None:
  parser = _parser()
  flags = parser.parse_args(argv)
  length = flags.seq_len or (128 if flags.quick and not flags.topology else 2048)
  if flags.topology:
    if length % schedule.BLOCK:
      parser.error(f"--seq_len {length}: with --topology a multiple of {schedule.BLOCK}")
    rows = [
      row
      for chip in flags.topology
      for name in flags.models
      for row in _scheduled(chip, name, length)
    ]
    print(_schedule_table(length, rows))
  else:
    rounds = 1 if flags.quick else flags.rounds
    rows = [row for name in flags.models for row in _timed(name, length, flags.batch_size, rounds)]
    where = jax.devices()[0].device_kind
    print(_time_table(f"{flags.batch_size} x {length} on {where}, {rounds} rounds", rows))
  print(json.dumps(rows))


def mask_of(kind: str, length: int, batch_size: int = 1) -> masks.AttentionMask:
  """One document, or three of which the second is half of the row; half of each is prefix."""
  first, second = 3 * length // 10, length // 2  # neither ends where a block does
  sizes = [length] if kind == "causal" else [first, second, length - first - second]
  segments = np.repeat(np.arange(1, 1 + len(sizes)), sizes)
  positions = np.concatenate([np.arange(size) for size in sizes])
  is_prefix = np.concatenate([np.arange(size) < size // 2 for size in sizes])
  facts = (np.tile(fact, (batch_size, 1)) for fact in (segments, positions, is_prefix))
  segments, positions, is_prefix = facts
  return masks.AttentionMask(segments, positions, is_prefix if "prefix" in kind else None)


def _timed(name: str, length: int, batch_size: int, rounds: int) -> list[dict[str, Any]]:
  """Milliseconds of each way, medians, and the bytes of its temporaries."""
  heads, dim = SHAPES[name]
  here = jax.default_backend()
  kernels = [kernel for kernel in attention.KERNELS if ONLY_ON.get(kernel, here) == here]
  dtype = jnp.float32 if jax.default_backend() == "cpu" else jnp.bfloat16
  keys = jax.random.split(jax.random.key(0), 4)
  operands = [jax.random.normal(key, (batch_size, length, heads, dim), dtype) for key in keys]
  rows = []
  for kind in MASKS:
    mask = mask_of(kind, length, batch_size)
    for direction in ("forward", "both"):
      _say(f"{name}, {kind}, {direction}")
      programs = {kernel: _program(kernel, direction, operands, mask) for kernel in kernels}
      times: dict[str, list[float]] = {kernel: [] for kernel in kernels}
      for number in range(1 + rounds):
        for kernel, program in programs.items():
          begun = time.perf_counter()
          jax.block_until_ready(program(*operands, mask))
          if number:  # the first one fills caches
            times[kernel].append(1e3 * (time.perf_counter() - begun))
      ways = {
        kernel: {
          "milliseconds": statistics.median(times[kernel]),
          "temp_bytes": program.memory_analysis().temp_size_in_bytes,
        }
        for kernel, program in programs.items()
      }
      rows.append({"model": name, "mask": kind, "direction": direction, **ways})
  return rows


def _program(kernel: str, direction: str, operands: list, mask: masks.AttentionMask) -> Any:
  attend = attention.KERNELS[kernel]

  def forward(q, k, v, d_out, mask):
    return attend(q, k, v, mask)

  run = forward if direction == "forward" else tpu.both(attend)
  return jax.jit(run).lower(*operands, mask).compile()


def _scheduled(chip: str, name: str, length: int) -> list[dict[str, Any]]:
  """Cycles of a row and head by each way's schedule, and the share of the peak that this is."""
  heads, dim = SHAPES[name]
  per_cycle = tpu.CHIPS[chip].flops_per_cycle
  product = 2 * schedule.BLOCK**2 * max(dim, 128) / per_cycle
  rows = []
  for way in ("flash", "splash"):
    _say(f"{chip}, {name}, {way}")
    (told,) = tpu.compiled([tpu.Job(chip, way, heads, dim, length)], with_schedule=True)
    for kind in MASKS if way == "flash" else MASKS[:2]:
      # Splash knows the causal mask when it is compiled, and masks documents in every block.
      blocks = schedule.counts(mask_of("causal" if way == "splash" else kind, length))
      row = {"chip": chip, "model": name, "head_dim": dim, "way": way, "mask": kind}
      row["temp_bytes"] = told["temp_bytes"]
      for direction, products in (("forward", 2), ("backward", 5)):
        cycles = schedule.cycles(
          told["schedules"][direction],
          (schedule.OURS if way == "flash" else schedule.SPLASH)[direction],
          blocks,
          floor=products * product,
        )
        row[direction] = cycles
        row[f"{direction}_schedule"] = told["schedules"][direction]._asdict()
        row[f"{direction}_share"] = products * length**2 * dim / cycles / per_cycle
      rows.append(row)
  return rows


def _time_table(title: str, rows: list[dict[str, Any]]) -> str:
  kernels = [kernel for kernel in attention.KERNELS if kernel in rows[0]]
  heads = [f"{kernel:>12}{'x':>7}{'temp MiB':>10}" for kernel in kernels]
  lines = [title, f"{'':<28}{''.join(heads)}"]
  for row in rows:
    cells = [f"{row['model']:<6}{row['mask']:<14}{row['direction']:<8}"]
    for kernel in kernels:
      way, reference = row[kernel], row["reference"]["milliseconds"]
      cells.append(f"{way['milliseconds']:>9.1f} ms{reference / way['milliseconds']:>7.2f}")
      cells.append(f"{way['temp_bytes'] / 2**20:>10.1f}")
    lines.append("".join(cells))
  return "\n".join(lines)


def _schedule_table(length: int, rows: list[dict[str, Any]]) -> str:
  lines = [
    f"a row of {length} and one head: cycles of a core, and causal FLOPs over the peak",
    f"{'':<40}{'forward':>10}{'share':>8}{'backward':>10}{'share':>8}{'temp MiB':>10}",
  ]
  for row in rows:
    lines.append(
      "{chip:<5}{model:<6}{head_dim:<5}{way:<8}{mask:<16}{forward:>10.0f}{forward_share:>8.3f}"
      "{backward:>10.0f}{backward_share:>8.3f}{temp:>10.1f}".format(
        **row, temp=row["temp_bytes"] / 2**20
      )
    )
  return "\n".join(lines)


def _say(what: str) -> None:
  print(what, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="python -m benchmarks.attention",
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  parser.add_argument(
    "--models", nargs="+", choices=SHAPES, default=["350M", "1B"], metavar="NAME",
    help=f"whose heads: {', '.join(SHAPES)}; 350M and 1B",
  )  # fmt: skip
  parser.add_argument("--seq_len", type=int, help="2048; for a TPU that is not here, whole blocks")
  parser.add_argument("--batch_size", type=int, default=1)
  parser.add_argument("--rounds", type=int, default=5)
  parser.add_argument(
    "--topology", nargs="+", choices=tpu.CHIPS, metavar="CHIP",
    help=f"compile for these instead: {', '.join(tpu.CHIPS)}",
  )  # fmt: skip
  parser.add_argument(
    "--quick", action="store_true", help="does it run?  Short rows, once: no figure to quote"
  )
  return parser


if __name__ == "__main__":
  main(sys.argv[1:])
