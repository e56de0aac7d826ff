"""Reads the array of a .npy file a part at a time, and knows when it is no longer what was written.

tokens.npy    header | block 0 | block 1 | block 2        of 64 KiB, the last one shorter
checksums     crc32      5a01..    77e3..    09cc..       each compared when its block is first read

No memory map: where a mapped file is cut short, the kernel ends the process without a word.
"""

from array import array
import os
from pathlib import Path
import tokenize
from typing import NoReturn
import weakref
import zlib

from jaxtyping import UInt, UInt32
import numpy as np

from codegen_jax.errors import InputError

BLOCK = 2**16  # bytes
CHECKED_AT_OPEN = 2**28  # bytes; as long as that takes a tenth of a second, a run need not wait


def damaged(folder: Path, what: str) -> InputError:
  return InputError(
    f"the token store {folder} is damaged ({what}); delete that folder and prepare it again"
  )


class Checksums:
  """The crc32 of each block of what is written, as it comes."""

  def __init__(self):
    self._done, self._crc, self._room = array("I"), 0, BLOCK

  def update(self, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while len(view) >= self._room:
      self._done.append(zlib.crc32(view[: self._room], self._crc))
      view, self._crc, self._room = view[self._room :], 0, BLOCK
    self._crc, self._room = zlib.crc32(view, self._crc), self._room - len(view)

  def finish(self) -> UInt32[np.ndarray, " blocks"]:
    last = [self._crc] if self._room < BLOCK else []
    return np.array([*self._done, *last], np.uint32)


class HeldFile:
  """A file that stays open: it can be read to the end after it was removed from its folder."""

  def __init__(self, path: Path):
    self.path = path
    self._handle = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    weakref.finalize(self, os.close, self._handle)
    self.size = os.fstat(self._handle).st_size

  def read(self, start: int, stop: int) -> bytes:
    """Bytes start:stop.

    Raises:
      InputError: they are no longer there.
    """
    try:
      data = os.pread(self._handle, stop - start, start)
      while len(data) < stop - start:  # a read of more than 2 GiB comes in parts
        more = os.pread(self._handle, stop - start - len(data), start + len(data))
        if not more:
          self.damaged(f"{self.path.name} was cut short while it was in use")
        data += more
    except OSError as error:
      raise InputError(
        f"{self.path} cannot be read any more ({error.strerror}); look after that disk, then"
        " continue the run"
      ) from error
    return data

  def damaged(self, what: str) -> NoReturn:
    raise damaged(self.path.parent, what)


class TokenFile:
  """`tokens[start:stop]` of a .npy file with one axis; the rest stays on disk.

  With checksums, a file of up to 256 MiB is compared with them when it is opened; of a larger one,
  each block when it is first read.
  """

  def __init__(self, path: Path, checksums: UInt32[np.ndarray, " blocks"] | None = None):
    self._file = HeldFile(path)
    with path.open("rb") as opened:
      try:
        np.lib.format.read_magic(opened)
        shape, _, self.dtype = np.lib.format.read_array_header_1_0(opened)
      except (SyntaxError, tokenize.TokenError) as error:  # it is read as Python
        raise ValueError(f"{path.name} has no header") from error
      self._begin = opened.tell()
    if len(shape) != 1 or self._file.size != self._begin + shape[0] * self.dtype.itemsize:
      raise ValueError(f"{path.name} has {self._file.size} bytes, which are not {shape} tokens")
    (self._length,) = shape
    self._checksums = np.array([], np.uint32) if checksums is None else checksums
    blocks = -(-(self._file.size - self._begin) // BLOCK)
    if checksums is not None and len(checksums) != blocks:
      raise ValueError(f"there are {len(checksums)} checksums for {blocks} blocks of {path.name}")
    self._unread = bytearray(b"\1" * (0 if checksums is None else blocks))
    self._all_checked = self._file.size <= CHECKED_AT_OPEN
    if self._all_checked:
      self._check(0, len(self._unread))

  def __len__(self) -> int:
    return self._length

  def __getitem__(self, part: slice) -> UInt[np.ndarray, " n"]:
    start, stop, step = part.indices(self._length)
    if step != 1:
      raise IndexError(f"tokens are read from one place to a later one, not in steps of {step}")
    size = self.dtype.itemsize
    start, stop = start * size, max(stop, start) * size
    if not self._all_checked:
      self._check(start // BLOCK, -(-stop // BLOCK))
    data = self._file.read(self._begin + start, self._begin + stop)
    return np.frombuffer(data, self.dtype)

  def _check(self, first: int, last: int) -> None:
    """Compares what was not read before of blocks first:last."""
    block = self._unread.find(1, first, last)
    while block >= 0:
      start = self._begin + block * BLOCK
      data = self._file.read(start, min(start + BLOCK, self._file.size))
      if zlib.crc32(data) != self._checksums[block]:
        self._file.damaged(
          f"{self._file.path.name} is not what was written, at byte {start} or soon after"
        )
      self._unread[block] = 0
      block = self._unread.find(1, block + 1, last)
