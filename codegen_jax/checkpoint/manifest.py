"""The hash of every file of a checkpoint, since Orbax restores a flipped bit without a word.

# 3 files, 1234 bytes
9f86d081884c7d65...  data/metadata
60303ae22b998861...  params/array_metadatas/process_0
...                                             (as `sha256sum --check manifest.sha256` reads it)
"""

from collections.abc import Iterator
import concurrent.futures
import hashlib
import os
import pathlib

NAME = "manifest.sha256"
# The commit itself writes these once more.
REWRITTEN = {"_CHECKPOINT_METADATA", "commit_success.txt"}
MIB = 2**20


def write(step: pathlib.Path) -> None:
  """Hashes what is on disk, and sees to it that it stays there when the power goes.

  Raises:
    RuntimeError: there is nothing to hash.
  """
  names = sorted(_files(step))
  if not names:
    raise RuntimeError(f"{step} holds no file: a manifest of it would say nothing")
  hashes = _hashes([step / name for name in names])
  size = sum((step / name).stat().st_size for name in names)
  lines = [f"# {len(names)} files, {size} bytes\n"]
  lines += [f"{digest}  {name}\n" for digest, name in zip(hashes, names, strict=True)]
  with (step / NAME).open("w", encoding="utf-8") as file:
    file.write("".join(lines))
    file.flush()
    os.fsync(file.fileno())


def faults(step: pathlib.Path, *, part: int = 0, of: int = 1) -> list[str]:
  """What is wrong with the files of a step: a sentence for each, none where all is well.

  Args:
    step: the folder of a committed step.
    part: several processes share the work: this one reads every `of`-th file, from this one on.
    of: how many share it.
  """
  try:
    expected = _read(step / NAME)
  except OSError as error:
    return [f"{step / NAME} cannot be read ({error.strerror})"]
  except ValueError as error:
    return [f"{step / NAME} is damaged ({error})"]
  mine = sorted(expected.items())[part::of]
  found = [name for name, _ in mine if (step / name).is_file()]
  hashes = dict(zip(found, _hashes([step / name for name in found]), strict=True))
  return [
    f"{step / name} is {'not what was written' if name in hashes else 'missing'}"
    for name, digest in mine
    if hashes.get(name) != digest
  ]


def _read(path: pathlib.Path) -> dict[str, str]:
  head, *lines = path.read_text("utf-8").splitlines()
  pairs = [line.split("  ", 1)[::-1] for line in lines]
  if not pairs or any(len(pair) != 2 for pair in pairs):
    raise ValueError("a line is no hash and name")
  if not head.startswith(f"# {len(pairs)} files,"):
    raise ValueError(f"it lists {len(pairs)} files and begins with {head!r}")
  return dict(pairs)


def _files(step: pathlib.Path) -> Iterator[str]:
  for path in step.rglob("*"):
    name = path.relative_to(step).as_posix()
    if path.is_file() and name not in REWRITTEN and name != NAME:
      yield name


def _hashes(paths: list[pathlib.Path]) -> list[str]:
  # hashlib lets other threads run, so cores and disks work side by side.
  with concurrent.futures.ThreadPoolExecutor() as pool:
    return list(pool.map(_hash, paths))


def _hash(path: pathlib.Path) -> str:
  digest = hashlib.sha256()
  with path.open("rb") as file:
    os.fsync(file.fileno())
    while block := file.read(8 * MIB):
      digest.update(block)
  return digest.hexdigest()
