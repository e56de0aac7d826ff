"""What a worker does with one part; every file that it writes appears whole, its JSON last.

work/plan/00003.json                                                                   plan
work/texts/00003.arrow  hashes/00003.npy  signatures/00003.npy  tally/00003.json     read_part
work/exact/00003.npy  near/00003.npy                       (kept, dropped), by copies.py
work/tokens-<key>/00003.bin  00003.json                                         tokenise_part
"""

from collections.abc import Iterator
import dataclasses
from typing import Any

import numpy as np

from codegen_jax.prepare import (
  decontaminate,
  dedup,
  example,
  read,
  storage,
  texts,
  tokenise,
  words,
  write,
)
from codegen_jax.prepare.document import Document, Drop, sha256, through
from codegen_jax.prepare.minhash import NearDuplicates
from codegen_jax.prepare.reading import Part
from codegen_jax.prepare.settings import PrepareConfig
from codegen_jax.prepare.storage import Path
from codegen_jax.prepare.tally import Tally

_CHUNK = 1_000_000  # characters that are hashed at once


def file(work: Path, kind: str, number: int, ending: str = "npy") -> Path:
  return work / kind / f"{number:06d}.{ending}"


def plan(work: Path, part: Part) -> None:
  """Writes down what a part is, so that a worker need be told no more than its number."""
  path = file(work, "plan", part.number, "json")
  if not path.exists():
    storage.write_json(path, part.to_json())


def read_part(number: int, config: PrepareConfig, work: Path) -> dict[str, Any]:
  """Everything that looks at one document: encoding, filters, benchmarks, hashes."""
  done = file(work, "tally", number, "json")
  if done.exists():
    return storage.read_json(done)
  part = Part.from_json(storage.read_json(file(work, "plan", number, "json")))
  tally = Tally()
  digests: list[bytes] = []
  signatures: list[np.ndarray] = []
  comparable: list[np.ndarray] = []
  with texts.writer(file(work, "texts", number, "arrow")) as stream:
    for chunk in _chunks(_filtered(part, config, tally)):
      found = words.words([document.text for document, _ in chunk])
      clean = _clean(chunk, found, config, tally)
      texts.write(stream, [chunk[i][0] for i in clean])
      digests += [sha256(chunk[i][0].text) for i in clean]
      if config.near:
        signatures.append(config.near.signatures(found)[clean])
        comparable.append(config.near.comparable(found)[clean])
  flat = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32)
  storage.write_array(file(work, "hashes", number), flat)
  if config.near:
    empty = np.zeros((0, config.near.size), np.uint32), np.zeros(0, bool)
    signed, marks = np.concatenate([empty[0], *signatures]), np.concatenate([empty[1], *comparable])
    storage.write_array(file(work, "signatures", number), signed)
    storage.write_array(file(work, "comparable", number), marks)
  storage.write_json(done, tally.to_json())
  return tally.to_json()


def _filtered(part: Part, config: PrepareConfig, tally: Tally) -> Iterator[tuple[Document, int]]:
  for raw in read.raws(part, config.reading):
    tally.documents += 1
    if isinstance(raw, tuple):
      name, why, size = raw
      tally.bytes += size
      tally.drop(why.reason, size, name)
      continue
    size = read.size(raw)
    tally.bytes += size
    document, repaired = config.encoding(raw)
    passed = document if isinstance(document, Drop) else through(document, config.filters)
    if isinstance(passed, Drop):
      tally.drop(passed.reason, size, raw.name)
    else:
      tally.repaired += repaired
      yield passed, size


def _chunks(documents: Iterator[tuple[Document, int]]) -> Iterator[list[tuple[Document, int]]]:
  chunk, size = [], 0
  for document in documents:
    chunk.append(document)
    size += len(document[0].text)
    if size >= _CHUNK:
      yield chunk
      chunk, size = [], 0
  if chunk:
    yield chunk


def _clean(
  chunk: list[tuple[Document, int]], found: words.Words, config: PrepareConfig, tally: Tally
) -> list[int]:
  """The places of those that hold nothing of a benchmark."""
  clean = np.ones(len(chunk), bool)
  if config.decontamination:
    clean = ~decontaminate.matcher(config.decontamination)(found)
  for (document, size), kept in zip(chunk, clean, strict=True):
    if kept:
      tally.keep(document.language, len(document.text.encode()))
    else:
      tally.drop("benchmark", size, document.name)
  return np.flatnonzero(clean).tolist()


def exact_rows(work: Path, number: int) -> np.ndarray:
  digests = storage.read_array(file(work, "hashes", number))
  places = dedup.refs(number, np.arange(len(digests)))
  first = np.ascontiguousarray(digests[:, :8]).view("<u8").ravel()
  # 64 bits of a SHA-256: among a billion texts, two that differ meet with a chance of 3 %.
  second = np.ascontiguousarray(digests[:, 8:16]).view("<u8").ravel()
  return dedup.hashed(words.mixed(first) ^ second, places)


def band_rows(work: Path, number: int, near: NearDuplicates, bands: slice) -> np.ndarray:
  signed = storage.read_array(file(work, "signatures", number))
  places = np.flatnonzero(storage.read_array(file(work, "comparable", number)))
  hashes = near.band_hashes(signed[places], bands)
  return dedup.hashed(hashes.ravel(), dedup.refs(number, places).repeat(hashes.shape[1]))


def signature_ends(work: Path, number: int, refs: np.ndarray) -> np.ndarray:
  """The last 16 bits of each minimum: enough to compare, and half of what is sent."""
  signed = storage.read_array(file(work, "signatures", number))
  return signed[dedup.place_of(refs)].astype(np.uint16)


def dropped(work: Path, number: int) -> dict[int, tuple[str, int]]:
  """Places of copies, each with its reason and the document that stays."""
  found: dict[int, tuple[str, int]] = {}
  near = storage.read_json(work / "copies.json")["near"]
  for kind, reason in ((near, "near copy"), ("exact", "exact copy")):
    path = file(work, kind, number)
    if kind and path.exists():
      rows = storage.read_array(path)
      for place, kept in zip(dedup.place_of(rows["high"]), rows["low"], strict=True):
        found[int(place)] = reason, int(kept)
  return found


def surviving(work: Path, number: int, config: PrepareConfig, tally: Tally) -> Iterator[Document]:
  """Behind everything but the tokenizer; the tally counts what went."""
  gone = dropped(work, number)
  for place, document in enumerate(texts.read(file(work, "texts", number, "arrow"))):
    size = len(document.text.encode())
    tally.documents += 1
    tally.bytes += size
    if place in gone:
      tally.drop(gone[place][0], size, document.name)
      continue
    passed = through(document, config.finish)
    if isinstance(passed, Drop):
      tally.drop(passed.reason, size, document.name)
      continue
    tally.keep(passed.language, len(passed.text.encode()))
    yield passed


@dataclasses.dataclass(frozen=True)
class Tokenising:
  """What every part is tokenised with."""

  tokenizer: str
  folder: str  # below the work folder, under a name made of what decides the tokens
  shards: dict[str, int]


def tokenise_part(
  number: int, config: PrepareConfig, work: Path, how: Tokenising
) -> dict[str, Any]:
  done = file(work, how.folder, number, "json")
  if done.exists():
    return storage.read_json(done)
  encode = tokenise.encoder(how.tokenizer, config.writing.fast_tokenizer)
  tally, records = Tally(), []
  tokens: dict[str, int] = {}
  checked = False
  for chunk in _chunks((d, 0) for d in surviving(work, number, config, tally)):
    documents = [document for document, _ in chunk]
    if not checked:
      encode.check([document.text for document in documents])
      checked = True
    for document, ids in zip(documents, encode([d.text for d in documents]), strict=True):
      digest = sha256(document.text)
      key, split = config.writing.key(digest), config.writing.split(document.name)
      payload = example.serialised(
        {
          "id": digest.hex()[:32].encode(),
          "path": document.name.encode(),
          "language": document.language.encode(),
          "tokens": ids,
        }
      )
      shard = write.shard_of(split, key, how.shards)
      records.append((shard, key, payload, len(ids)))
      language = document.language or "unknown"
      tokens[language] = tokens.get(language, 0) + len(ids)
  path = file(work, how.folder, number, "bin")
  write.write_part(path, records, sum(how.shards.values()))
  told = {**tally.to_json(), "tokens": tokens}
  storage.write_json(done, told)
  return told
