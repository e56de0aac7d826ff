"""A TPU kernel's schedule, and from it the cycles of a row: what is known without the TPU.

A TensorCore issues one bundle of instructions a cycle, and libtpu writes down the bundles of a
kernel.  In a grid's loop some are of every step, and some are jumped over unless a condition of the
kernel holds.  How often it holds follows from the mask.
"""

import itertools
import pathlib
import re
from typing import NamedTuple

import numpy as np

from codegen_jax.models import masks

BLOCK = 512  # queries and keys at once, ours (kernels.prefix_attention) and splash's alike


def flags(folder: str) -> str:
  return (
    f"--xla_jf_dump_to={folder} --xla_jf_dump_llo_text=true"
    " --xla_jf_dump_llo_pass_label_regex=.*final_bundles.*"
  )


class Schedule(NamedTuple):
  """Bundles of a loop over the blocks of a row."""

  every: int  # step
  conditional: list[int]  # in the order of the kernel


def schedules(folder: str) -> dict[str, Schedule]:
  """Those of the "forward" and the "backward" kernel."""
  found = {}
  for file in pathlib.Path(folder).glob("*-final_bundles.txt"):
    name = re.search(r"prefix_attention_(forward|backward)|splash_mha_(fwd|dkv)", file.name)
    if name and "schedule-analysis" not in file.name:
      is_forward = (name[1] or name[2]) in ("forward", "fwd")
      found["forward" if is_forward else "backward"] = _parsed(file.read_text())
  if found.keys() != {"forward", "backward"}:
    raise RuntimeError(f"libtpu wrote schedules of {sorted(found)}: expected forward and backward")
  return found


def _parsed(bundles: str) -> Schedule:
  """A pair of letters marks where a loop's body begins, and where what was jumped over ends.

  0x3c LB: > { ...                      every step
  0x7a   : > { ... sbr.rel ...
  0x7b   : > { ...                      conditional
  0x9f PF: > { ...                      every step
  """
  line = re.compile(r"^ *(0x[0-9a-f]+) +((?:\w\w)?) *: ?[> ]*\{(.*)$", re.MULTILINE)
  found = [(int(at, 16), bool(mark), "sbr.rel" in rest) for at, mark, rest in line.findall(bundles)]
  starts = [at for at, is_marked, _ in found if is_marked]
  every, conditional = 0, []
  for start, end in itertools.pairwise(starts):
    jumps = [at + 1 for at, _, is_jump in found if is_jump and start <= at < end]
    every += max(jumps, default=end) - start
    conditional += [end - max(jumps)] if jumps else []
  return Schedule(every + found[-1][0] + 1 - starts[-1], conditional)


class Counts(NamedTuple):
  """Of the pairs of a block of queries and a block of keys of a row."""

  all: int
  open: int  # every query reads every key
  masked: int


def counts(mask: masks.AttentionMask) -> Counts:
  """Of the mask of one row, whose dense form is made here and looked at."""
  dense = np.asarray(mask.dense()[0])
  size = len(dense) // BLOCK
  blocks = dense.reshape(size, BLOCK, size, BLOCK)
  is_open, is_needed = blocks.all(axis=(1, 3)), blocks.any(axis=(1, 3))
  return Counts(size**2, int(is_open.sum()), int((is_needed & ~is_open).sum()))


# What the conditions of each kernel are, in its order: of how many of them it goes.
OURS = {
  "forward": ("outer", "open", "masked", "outer"),
  "backward": ("row", "outer", "open", "masked", "outer", "row"),
}
SPLASH = {"forward": ("outer", "any", "outer"), "backward": ("outer", "any", "outer")}
BODIES = "open", "masked", "any"  # a block of scores, with what is made of it


def cycles(schedule: Schedule, when: tuple[str, ...], blocks: Counts, *, floor: float) -> float:
  """Of one row and head.  Nothing is known of waits for memory; assumed is none.

  Args:
    schedule: of the kernel.
    when: its conditions, found by the longest regions, which are blocks of scores.  What else is
      jumped over waits for memory, and counts for every step.
    blocks: of the row.
    floor: cycles that the matrix units need for a block, which the bundles may understate.
  """
  conditional = schedule.conditional
  bodies = [place for place, condition in enumerate(when) if condition in BODIES]
  longest = sorted(range(len(conditional)), key=conditional.__getitem__)[-len(bodies) :]
  begin = min(longest) - bodies[0]
  end = begin + len(when)
  if begin < 0 or end > len(conditional):
    raise ValueError(f"conditional regions of {conditional} bundles: expected {when}")
  times = {
    "row": 1,
    "outer": round(blocks.all**0.5),
    "open": blocks.open,
    "masked": blocks.masked,
    "any": blocks.open + blocks.masked,
  }
  every = schedule.every + sum(conditional[:begin]) + sum(conditional[end:])
  total = float(blocks.all * every)
  for condition, bundles in zip(when, conditional[begin:end], strict=True):
    at_least = floor if condition in BODIES else 0
    total += times[condition] * max(bundles, at_least)
  return total
