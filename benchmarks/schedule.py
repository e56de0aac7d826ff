"""A TPU kernel's schedule, and from it the cycles of a row: what is known without the TPU.

A TensorCore issues one bundle of instructions a cycle, and libtpu writes down the bundles of a
kernel.  A grid's loop is a few stretches of them: what every step goes through, then what is only
done if a condition holds.  How often it holds follows from the mask.
"""

from collections.abc import Iterator
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


def regions(folder: str) -> dict[str, list[int]]:
  """Bundles of each stretch of the loop of the "forward" and the "backward" kernel."""
  found = {}
  for file in pathlib.Path(folder).glob("*-final_bundles.txt"):
    name = re.search(r"prefix_attention_(forward|backward)|splash_mha_(fwd|dkv)", file.name)
    if name and "schedule-analysis" not in file.name:
      is_forward = (name[1] or name[2]) in ("forward", "fwd")
      found["forward" if is_forward else "backward"] = list(_lengths(file.read_text()))
  if found.keys() != {"forward", "backward"}:
    raise RuntimeError(f"libtpu wrote schedules of {sorted(found)}: expected forward and backward")
  return found


def _lengths(bundles: str) -> Iterator[int]:
  """From the loop's body on; a letter pair marks the first bundle of a region.

  0x3c LB: > { ...
  0x3d   : > { ...
  """
  line = re.compile(r"^ *(0x[0-9a-f]+) +((?:\w\w)?) *: ?[> ]*\{", re.MULTILINE)
  marks = [(int(at, 16), mark) for at, mark in line.findall(bundles)]
  starts = [at for at, mark in marks if mark]
  for start, end in zip(starts, [*starts[1:], marks[-1][0] + 1], strict=True):
    yield end - start


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


def cycles(regions: list[int], blocks: Counts, *, floor: float, has_open: bool) -> float:
  """Of one row and head.  Nothing is known of waits for memory; assumed is none.

  Args:
    regions: bundles of the loop: what every step does, then what only some do.
    blocks: of the row.
    floor: cycles that the matrix units need for a block, which the bundles may understate.
    has_open: blocks that need no mask have a region of their own, the first of the two longest.
  """
  every, *rest = regions
  bodies = sorted(range(len(rest)), key=rest.__getitem__)[-1 - has_open :]
  open_, masked = (max(rest[min(bodies)], floor), max(rest[max(bodies)], floor))
  around = sum(length for place, length in enumerate(rest) if place not in bodies)
  outer = blocks.all**0.5
  return blocks.all * every + outer * around + blocks.open * open_ + blocks.masked * masked
