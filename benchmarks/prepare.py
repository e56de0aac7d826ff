"""MB/s of `codegen-jax prepare`, stage by stage and whole, beside plainer ways to the same tokens.

python -m benchmarks.prepare --tokenizer=tokenizer.json --megabytes=150
"""

import argparse
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time

WAYS = ("prepare", "plain", "datasets")


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--tokenizer", required=True, type=pathlib.Path)
  parser.add_argument("--megabytes", type=float, default=150)
  parser.add_argument("--workers", type=int, default=2)
  parser.add_argument("--way", choices=WAYS, help="one way alone, in this process")
  parser.add_argument("--folder", type=pathlib.Path)
  flags = parser.parse_args()
  if flags.way:
    globals()[f"_{flags.way}"](flags)
    return
  with tempfile.TemporaryDirectory() as folder:
    source = pathlib.Path(folder) / "source"
    size = _copy(source, flags.megabytes * 1e6)
    print(f"{size / 1e6:.1f} MB of Python, load {os.getloadavg()[0]:.1f}", flush=True)
    for way in WAYS:
      begun = time.monotonic()
      command = [sys.executable, "-m", "benchmarks.prepare", f"--way={way}", f"--folder={source}",
                 f"--tokenizer={flags.tokenizer}", f"--workers={flags.workers}"]  # fmt: skip
      code = subprocess.run(command, check=False).returncode
      wall = time.monotonic() - begun
      used = resource.getrusage(resource.RUSAGE_CHILDREN)
      told = f"{size / 1e6 / wall:.2f} MB/s" if not code else "did not run"
      print(f"{way}: {told}, {wall:.1f} s; largest process so far {used.ru_maxrss / 1024:.0f} MiB",
            flush=True)  # fmt: skip


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
  command = [sys.executable, "-m", "codegen_jax.main", "prepare", f"--input={flags.folder}",
             f"--out={out}", f"--tokenizer={flags.tokenizer}",
             f"--workers={flags.workers}"]  # fmt: skip
  subprocess.run(command, check=True)
  import json

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
