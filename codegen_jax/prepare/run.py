"""One corpus from its plan to its manifest; what is there already is not made again."""

from collections.abc import Iterator, Sequence
import contextlib
import dataclasses
import pathlib
import sys
import time
from typing import Any

from codegen_jax import config as gin_config
from codegen_jax.errors import InputError
from codegen_jax.prepare import decontaminate, manifest, read, report, stages, storage, tokenise
from codegen_jax.prepare import tally as tallies
from codegen_jax.prepare.settings import PrepareConfig
from codegen_jax.prepare.storage import Path
from codegen_jax.prepare.write import SPLITS


@dataclasses.dataclass
class Texts:
  """A corpus behind its last copy: what tokenizers are trained on, and shards are made of."""

  config: PrepareConfig
  work: Path
  count: int  # of parts
  seconds: dict[str, float]
  benchmarks: dict[str, str]
  fingerprint: str

  def told(self) -> tallies.Tally:
    files = (stages.file(self.work, "tally", n, "json") for n in range(self.count))
    return tallies.total(map(storage.read_json, files))


def texts(config: PrepareConfig, inputs: Sequence[str], work: Path, runner: Any) -> Texts:
  """Reads, filters and finds copies."""
  from codegen_jax.prepare import copies, pipeline

  parts, states = read.plan(inputs, config.reading)
  benchmarks = _benchmarks(config)
  settings = {k: v for k, v in gin_config.flat(config).items() if not k.startswith("writing.")}
  key = manifest.fingerprint(settings, states, benchmarks)
  folder = work / key[:16]
  made = Texts(config, folder, len(parts), {}, benchmarks, key)
  for part in parts:
    stages.plan(folder, part)
  del parts  # a corpus may have millions of files
  with _timed(made.seconds, "read", f"{made.count} {'part' if made.count == 1 else 'parts'}"):
    pipeline.read_all(runner, made.count, config, folder)
  with _timed(made.seconds, "copies", "finding copies"):
    copies.find(runner, made.count, made.told().kept, config, folder)
  return made


def prepare(
  config: PrepareConfig, inputs: Sequence[str], out: Path, work: Path, tokenizer: pathlib.Path,
  runner: Any,
) -> dict[str, Any]:  # fmt: skip
  """Makes the folder `out`, or says of one that is whole already what it is."""
  from codegen_jax.prepare import pipeline

  tokens_of = tokenise.fingerprint(tokenizer)
  made = texts(config, inputs, work, runner)
  writing = gin_config.flat(config.writing)
  key = manifest.fingerprint(made.fingerprint, tokens_of, writing, config.name)
  _refuse_other(out, key)
  first = made.told()
  if not first.kept:
    raise InputError(
      f"no document of {first.documents} is left behind the filters ({_reasons(first)}); see the"
      " settings in your gin file"
    )
  shards = config.writing.shards(first.kept_bytes)
  how = stages.Tokenising(str(tokenizer), f"tokens-{key[:16]}", shards)
  with _timed(made.seconds, "tokenise", "tokenising"):
    pipeline.tokenise_all(runner, made.count, config, made.work, how)
  names = [
    f"{config.name}-{split}.array_record-{i:05d}-of-{shards[split]:05d}"
    for split in SPLITS
    for i in range(shards[split])
  ]
  with _timed(made.seconds, "write", f"writing {len(names)} shards"):
    outs = [out / name for name in names]
    told = pipeline.write_all(runner, made.count, made.work, how, outs, config.writing.group_size)
  by_split = {"train": told[: shards["train"]], "validation": told[shards["train"] :]}
  parts = [
    storage.read_json(stages.file(made.work, how.folder, n, "json")) for n in range(made.count)
  ]
  said = _manifest(made, first, parts, by_split, key, tokens_of, inputs)
  manifest.write_tfds(out, config.name, by_split)
  report.write(out, said, made.seconds)
  storage.remove_drafts(out)
  manifest.write(out, said)  # the last: a folder without it is not whole
  return said


def _manifest(
  made: Texts, first: tallies.Tally, parts: list[dict[str, Any]], shards: dict[str, list[Any]],
  key: str, tokenizer: str, inputs: Sequence[str],
) -> dict[str, Any]:  # fmt: skip
  second = tallies.total(parts)
  tokens: dict[str, int] = {}
  for part in parts:
    for language, count in part["tokens"].items():
      tokens[language] = tokens.get(language, 0) + count
  return {
    "name": made.config.name,
    "fingerprint": key,
    "tokenizer": tokenizer,
    "inputs": list(inputs),
    "documents_in": first.documents,
    "bytes_in": first.bytes,
    "repaired": first.repaired,
    "documents": second.kept,
    "bytes": second.kept_bytes,
    "tokens": sum(tokens.values()),
    "dropped": {
      reason: {
        "documents": source.dropped[reason],
        "bytes": source.dropped_bytes[reason],
        "examples": source.examples[reason],
      }
      for source in (first, second)
      for reason in sorted(source.dropped)
    },
    "languages": {
      language: {
        "documents": count,
        "bytes": second.language_bytes[language],
        "tokens": tokens.get(language, 0),
      }
      for language, count in sorted(second.languages.items())
    },
    "lengths": {k: second.lengths[k] for k in sorted(second.lengths, key=int)},
    "benchmarks": made.benchmarks,
    "shards": shards,
    "settings": gin_config.flat(made.config),
  }


def _benchmarks(config: PrepareConfig) -> dict[str, str]:
  """Each with its hash, or why it was skipped."""
  import hashlib

  if not config.decontamination:
    return {}
  found = config.decontamination.found()
  said = {}
  for name in config.decontamination.files:
    if name in found:
      said[name] = hashlib.sha256(found[name].read_bytes()).hexdigest()
    else:
      said[name] = "skipped: it is not there"
      print(
        f"prepare: the benchmark {name} is not below ${decontaminate.FOLDER}; documents that hold"
        " it are not looked for",
        file=sys.stderr,
      )
  return said


def _refuse_other(out: Path, key: str) -> None:
  there = manifest.read(out)
  if there and there["fingerprint"] != key:
    raise InputError(
      f"{out} holds {there['name']} of other inputs, settings or another tokenizer; choose another"
      " --out, or delete it"
    )
  mine = out / ".fingerprint"
  if not there and mine.exists() and mine.read_text() != key:
    raise InputError(
      f"{out} holds a part of a run with other inputs, settings or another tokenizer; choose"
      " another --out, or delete it"
    )
  out.mkdir(parents=True, exist_ok=True)
  mine.write_text(key)


def _reasons(tally: tallies.Tally) -> str:
  return ", ".join(f"{count} {reason}" for reason, count in tally.dropped.most_common(4))


@contextlib.contextmanager
def _timed(seconds: dict[str, float], stage: str, told: str) -> Iterator[None]:
  """Puts down how long a stage took, and tells that it begins."""
  print(f"prepare: {stage}: {told}", file=sys.stderr, flush=True)
  begun = time.monotonic()
  try:
    yield
  finally:
    seconds[stage] = time.monotonic() - begun
