"""MB/s of `codegen-jax prepare`, stage by stage and whole, beside plainer ways to the same tokens.

python -m benchmarks.prepare --tokenizer=codegen2.json --megabytes=150
python -m benchmarks.prepare --tokenizer=codegen2.json --times=10 --ways=prepare --rounds=1
python -m benchmarks.prepare --tokenizer=codegen2.json --way=stages --folder=SOURCES
"""

import argparse
from collections.abc import Callable, Iterable
import dataclasses
import functools
import os
import pathlib
import statistics
import string
import subprocess
import sys
import sysconfig
import tempfile
import time
from typing import Any

import numpy as np

from benchmarks import measure
from codegen_jax import config as gin_config
from codegen_jax.prepare import decontaminate, pii, storage, words
from codegen_jax.prepare.command import DEFAULT
from codegen_jax.prepare.document import Document, Drop, sha256, through
from codegen_jax.prepare.settings import PrepareConfig
from codegen_jax.prepare.tokenise import Encoder

WAYS = ("prepare", "plain", "datasets")


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--tokenizer", required=True, type=pathlib.Path)
  parser.add_argument("--megabytes", type=float, default=150)
  parser.add_argument(
    "--times", type=int, default=1, choices=range(1, 27), metavar="N",
    help="read every text so often, each time in other letters, so that none is a copy",
  )  # fmt: skip
  parser.add_argument("--workers", type=int, default=2)
  parser.add_argument("--rounds", type=int, default=3, help="of all ways, in turns; medians count")
  parser.add_argument("--ways", default=",".join(WAYS), help="which, by commas")
  parser.add_argument("--way", choices=(*WAYS, "stages"), help="one way alone, in this process")
  parser.add_argument("--folder", type=pathlib.Path)
  flags = parser.parse_args()
  if flags.way:
    globals()[f"_{flags.way}"](flags)
    return
  ways = flags.ways.split(",")
  with tempfile.TemporaryDirectory() as folder:
    source = pathlib.Path(folder) / "source"
    size = _copy(source, flags.megabytes * 1e6, flags.times) / 1e6
    print(f"{size:.1f} MB of Python, load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores")
    runs: dict[str, list[Run]] = {way: [] for way in ways}
    for _ in range(flags.rounds):
      for way in ways:
        runs[way].append(_run(way, source, flags))
  first = statistics.median(run.cpu for run in runs[ways[0]])
  for way, all_of in runs.items():
    wall, cpu = (
      statistics.median(getattr(run, name) for run in all_of) for name in ("wall", "cpu")
    )
    print(
      f"{way:9} {size / wall:6.2f} MB/s, {size / cpu:6.2f} MB/s per core in use,"
      f" {cpu / first:5.2f} times the processor time, {all_of[-1].mebibytes:5.0f} MiB"
    )


@dataclasses.dataclass(frozen=True)
class Run:
  """What one process and those that it started took."""

  wall: float
  cpu: float  # of all processes
  mebibytes: float  # of the largest process


def _run(way: str, source: pathlib.Path, flags: argparse.Namespace) -> Run:
  begun = time.monotonic()
  command = [sys.executable, "-m", "benchmarks.prepare", f"--way={way}", f"--folder={source}",
             f"--tokenizer={flags.tokenizer}", f"--workers={flags.workers}"]  # fmt: skip
  process = subprocess.Popen(command)
  _, code, used = os.wait4(process.pid, 0)
  if code:
    sys.exit(f"{way} did not run")
  return Run(time.monotonic() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _copy(out: pathlib.Path, most: float, times: int) -> int:
  """The standard library, then what is installed, up to so many bytes; times so many."""
  roots = [sysconfig.get_paths()[name] for name in ("stdlib", "purelib")]
  size = 0
  for number, root in enumerate(roots):
    for file in sorted(pathlib.Path(root).rglob("*.py")):
      if size >= most:
        return size * times
      if number == 0 and "site-packages" in file.parts:
        continue
      content = file.read_bytes()
      for shift in range(times):
        to = out / str(shift) / str(number) / file.relative_to(root)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(content.translate(_letters(shift)))
      size += len(content)
  return size * times


@functools.cache
def _letters(shift: int) -> bytes:
  """Every letter becomes the one so many behind it."""
  turned = {
    ord(letters[i]): ord(letters[(i + shift) % 26])
    for letters in (string.ascii_lowercase, string.ascii_uppercase)
    for i in range(26)
  }
  return bytes(turned.get(byte, byte) for byte in range(256))


def _prepare(flags: argparse.Namespace) -> None:
  """The command as a user gives it; then what its stages take on one core, without Beam."""
  with tempfile.TemporaryDirectory() as out:
    command = [sys.executable, "-m", "codegen_jax.main", "prepare", f"--input={flags.folder}",
               f"--out={out}/out", f"--tokenizer={flags.tokenizer}",
               f"--workers={flags.workers}"]  # fmt: skip
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    told = storage.read_json(storage.Path(out) / "out" / "report.json")
  seconds = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in told["seconds"].items())
  print(f"  prepare: {told['tokens']:,} tokens; {seconds}", flush=True)


def _stages(flags: argparse.Namespace) -> None:
  """What one core does of every stage, by processor time: no Beam, no second process."""
  config = gin_config.load(PrepareConfig, [DEFAULT]).config
  encoder = Encoder(str(flags.tokenizer))
  texts = _texts(flags.folder)
  size = sum(map(len, texts)) / 1e6
  chunks = [texts[i : i + 100] for i in range(0, len(texts), 100)]
  found = [words.words(chunk) for chunk in chunks]
  assert config.near
  near, documents = config.near, [Document("a.py", text, "python") for text in texts]
  matcher = decontaminate.Matcher(np.arange(20_000, dtype=np.uint64) << np.uint64(44), 13)
  work: dict[str, Callable[[], Any]] = {
    "reading": lambda: _texts(flags.folder),
    **{type(stage).__name__: functools.partial(_all, stage, documents) for stage in config.filters},
    "hashes of words": lambda: _all(words.words, chunks),
    "benchmarks": lambda: _all(matcher, found),
    "signatures": lambda: _all(near.signatures, found),
    "SHA-256": lambda: _all(sha256, texts),
    "personal data": lambda: _all(pii.Scrub(), documents),
    "tokens": lambda: encoder(texts),
    "tokens, by tokenizers": lambda: encoder.plainly(texts[: len(texts) // 5] * 5),
  }
  for name, run in work.items():
    took = measure.seconds(run)[0].cpu
    print(f"  {name:22} {size / took:8.1f} MB/s", flush=True)


def _all(function: Callable[[Any], Any], values: Iterable[Any]) -> None:
  for value in values:
    function(value)


def _texts(folder: pathlib.Path) -> list[str]:
  return [file.read_text("utf-8", errors="replace") for file in sorted(folder.rglob("*.py"))]


def _plain(flags: argparse.Namespace) -> None:
  """One process, one loop, one index in memory: same libraries and settings, no shards."""
  config = gin_config.load(PrepareConfig, [DEFAULT]).config
  near = config.near
  assert near is not None
  encode = Encoder(str(flags.tokenizer))
  seen: set[bytes] = set()
  buckets: dict[int, np.ndarray] = {}
  tokens = 0
  for text in _texts(flags.folder):
    if isinstance(through(Document("a.py", text), config.filters), Drop):
      continue
    digest, found = sha256(text), words.words([text])
    signed = near.signatures(found)
    bands = near.band_hashes(signed)[0].tolist() if near.comparable(found)[0] else []
    others = [buckets[band] for band in bands if band in buckets]
    if digest in seen or any((signed[0] == other).mean() >= near.threshold for other in others):
      continue
    seen.add(digest)
    buckets |= dict.fromkeys(bands, signed[0])
    tokens += len(encode([text])[0])
  print(f"  plain: {tokens:,} tokens", flush=True)


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
  print(f"  datasets: {sum(map(len, made['tokens'])):,} tokens", flush=True)


if __name__ == "__main__":
  main()
