"""MB/s of `codegen-jax prepare`, stage by stage and whole, beside plainer ways to the same tokens.

  python -m benchmarks.prepare --tokenizer=tokenizer.json --megabytes=150

Ways take turns, each in a process of its own, on copies of the standard library and of what is
installed.  Beside the wall clock, which other programs slow down, stands processor time.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from typing import NamedTuple

WAYS = ("prepare", "plain", "datasets")


class Figures(NamedTuple):
  """Of one turn."""

  wall: float  # seconds
  cpu: float  # seconds of all processes together
  memory: float  # MiB of the largest process


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument("--tokenizer", required=True, type=pathlib.Path)
  parser.add_argument("--megabytes", type=float, default=150)
  parser.add_argument("--workers", type=int, default=2)
  parser.add_argument("--rounds", type=int, default=3)
  parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
  parser.add_argument("--way", choices=WAYS, help="one way alone, in this process")
  parser.add_argument("--folder", type=pathlib.Path)
  flags = parser.parse_args()
  if flags.way:
    globals()[f"_{flags.way}"](flags)
    return
  with tempfile.TemporaryDirectory() as folder:
    source = pathlib.Path(folder) / "source"
    size = _copy(source, flags.megabytes * 1e6) / 1e6
    print(f"{size:.1f} MB of Python, load {os.getloadavg()[0]:.1f}", flush=True)
    turns: dict[str, list[Figures]] = {way: [] for way in flags.ways}
    for _ in range(flags.rounds):
      for way in flags.ways:
        turns[way].append(_measure(way, source, flags))
  print(f"medians of {flags.rounds}, {flags.workers} workers, load {os.getloadavg()[0]:.1f}")
  for way, made in turns.items():
    wall, cpu = (statistics.median(getattr(one, name) for one in made) for name in ("wall", "cpu"))
    memory = max(one.memory for one in made)
    print(
      f"{way:9} {size / wall:6.2f} MB/s by the clock  {size / cpu:6.2f} MB per processor second"
      f"  {memory:6.0f} MiB"
    )


def _measure(way: str, source: pathlib.Path, flags: argparse.Namespace) -> Figures:
  command = [sys.executable, "-m", "benchmarks.prepare", f"--way={way}", f"--folder={source}",
             f"--tokenizer={flags.tokenizer}", f"--workers={flags.workers}"]  # fmt: skip
  begun = time.monotonic()
  child = subprocess.Popen(command)
  _, status, used = os.wait4(child.pid, 0)
  child.returncode = os.waitstatus_to_exitcode(status)
  if child.returncode:
    sys.exit(f"{way} ended with {child.returncode}")
  return Figures(time.monotonic() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _copy(out: pathlib.Path, most: float) -> int:
  """The standard library, then what is installed, up to so many bytes."""
  roots = [sysconfig.get_paths()[name] for name in ("stdlib", "purelib")]
  size = 0
  for number, root in enumerate(roots):
    for file in sorted(pathlib.Path(root).rglob("*.py")):
      if size >= most:
        return size
      if number == 0 and "site-packages" in file.parts:
        continue
      to = out / str(number) / file.relative_to(root)
      to.parent.mkdir(parents=True, exist_ok=True)
      shutil.copyfile(file, to)
      size += file.stat().st_size
  return size


def _prepare(flags: argparse.Namespace) -> None:
  out = flags.folder.parent / "out"
  shutil.rmtree(out, ignore_errors=True)
  command = [sys.executable, "-m", "codegen_jax.main", "prepare", f"--input={flags.folder}",
             f"--out={out}", f"--tokenizer={flags.tokenizer}",
             f"--workers={flags.workers}"]  # fmt: skip
  subprocess.run(command, check=True)
  told = json.loads((out / "report.json").read_text())
  for stage, seconds in told["seconds"].items():
    print(f"  {stage}: {seconds:.1f} s, {told['bytes_in'] / 1e6 / seconds:.1f} MB/s")


def _texts(folder: pathlib.Path) -> list[str]:
  return [file.read_text("utf-8", errors="replace") for file in sorted(folder.rglob("*.py"))]


def _plain(flags: argparse.Namespace) -> None:
  """One process and one index in memory, with the same libraries and settings; no shards."""
  import rensa

  from codegen_jax import config as gin_config
  from codegen_jax.prepare import words
  from codegen_jax.prepare.command import DEFAULT
  from codegen_jax.prepare.document import Document, Drop, sha256, through
  from codegen_jax.prepare.settings import PrepareConfig
  from codegen_jax.prepare.tokenise import Encoder

  config = gin_config.load(PrepareConfig, [DEFAULT]).config
  near = config.near
  assert near is not None
  encode, seen = Encoder(str(flags.tokenizer)), set()
  index = rensa.RMinHashDeduplicator(near.threshold, near.size, True, near.bands, near.seed)
  tokens = 0
  for number, text in enumerate(_texts(flags.folder)):
    if isinstance(through(Document("a.py", text), config.filters), Drop):
      continue
    digest = sha256(text)
    grams = words.grams(words.words([text]).hashes, near.shingle)
    sketch = rensa.RMinHash(near.size, near.seed)
    sketch.update([gram.to_bytes(8, "little") for gram in grams.tolist()])
    if digest in seen or not index.add(str(number), sketch):
      continue
    seen.add(digest)
    tokens += len(encode([text])[0])
  print(f"  {tokens:,} tokens")


def _datasets(flags: argparse.Namespace) -> None:
  """Hugging Face's map with the same tokenizer.json: neither filters nor copies, tokens alone."""
  import datasets
  import tokenizers

  tokenizer = tokenizers.Tokenizer.from_file(str(flags.tokenizer))
  rows = datasets.Dataset.from_dict({"text": _texts(flags.folder)})

  def encoded(batch: dict[str, list[str]]) -> dict[str, list[list[int]]]:
    return {"tokens": [e.ids for e in tokenizer.encode_batch_fast(batch["text"])]}

  made = rows.map(encoded, batched=True, batch_size=200, remove_columns=["text"],
                  num_proc=flags.workers)  # fmt: skip
  print(f"  {sum(map(len, made['tokens'])):,} tokens")


if __name__ == "__main__":
  main()
