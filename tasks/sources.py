"""Where documents come from, tokenised once and then read by position."""

from collections.abc import Callable, Iterable, Iterator
import dataclasses
import functools
import hashlib
import os
import pathlib
import sys
import time
from typing import Any, Protocol

from jaxtyping import Int32
import numpy as np

from codegen_jax.data import token_store
from codegen_jax.data.corpus import SPLITS, Document
from codegen_jax.data.prepared import Prepared
from codegen_jax.data.token_store import TokenStore
from codegen_jax.data.vocabulary import ByteLevelBPE

ROOT = pathlib.Path(__file__).resolve().parents[1]
BATCH = 4_000_000  # characters; the tokenizer has a thread for each core
SECONDS = 5  # between two lines that say how far it is


def cache_folder() -> pathlib.Path:
  """Where tokenizers and tokens are kept between runs: $CODEGEN_JAX_CACHE, or runs/cache."""
  return pathlib.Path(os.environ.get("CODEGEN_JAX_CACHE") or ROOT / "runs" / "cache")


class AnyCorpus(Protocol):
  """`Corpus`, which is in memory, `Documents`, which stay on disk, or `Prepared`, in tokens."""

  @property
  def fingerprint(self) -> str:
    """Changes with the documents."""

  def split(self, name: str) -> Iterable[Document]:
    """Its documents, which may be read as they are asked for."""

  def record(self) -> dict[str, Any]:
    """What a result says of it."""


@dataclasses.dataclass(frozen=True)
class Source:
  """A corpus under a vocabulary.

  The tokens lie in the cache under a name made of both fingerprints, so other text or another
  tokenizer is another folder and nothing stale is ever read.
  """

  name: str
  corpus: Callable[[], AnyCorpus | Prepared]
  vocabulary: ByteLevelBPE
  splits: tuple[str, ...] = SPLITS

  def reader(self, split: str) -> Callable[[], TokenStore]:
    """Tokenises the split where that is still to be done, and opens it; the second call is free."""
    return functools.cache(functools.partial(self._open, split))

  @property
  def _told(self) -> str:
    """What else decides the tokens."""
    return ""

  def record(self) -> dict[str, Any]:
    """What is known of the corpus, and was counted when it was tokenised."""
    counted: dict[str, Any] = {}
    for split in self.splits:
      folder, fingerprint = self._place(split)
      if folder.is_dir():
        counted |= TokenStore.open(folder, fingerprint=fingerprint).record
    return {**counted, **self.corpus().record(), "tokenizer": self.vocabulary.fingerprint}

  def _place(self, split: str) -> tuple[pathlib.Path, str]:
    told = f"{self.corpus().fingerprint} {self.vocabulary.fingerprint} {split}{self._told}"
    fingerprint = hashlib.sha256(told.encode()).hexdigest()
    return cache_folder() / "tokens" / f"{self.name}-{split}-{fingerprint[:16]}", fingerprint

  def _open(self, split: str) -> TokenStore:
    folder, fingerprint = self._place(split)
    if folder.is_dir():
      return TokenStore.open(folder, fingerprint=fingerprint)
    corpus = self.corpus()  # one, which counts while it is read
    return token_store.write(
      folder,
      self._tokenised(corpus, split),
      vocab_size=self.vocabulary.vocab_size,
      eos_id=self.vocabulary.eos_id,
      fingerprint=fingerprint,
      record=corpus.record,
    )

  def _tokenised(self, corpus: Any, split: str) -> Iterator[tuple[str, Int32[np.ndarray, " n"]]]:
    if isinstance(corpus, Prepared):  # tokenised already
      corpus.check_tokenizer(self.vocabulary.fingerprint)
      return corpus.documents(split)
    label = f"{self.name}/{split}"
    return tokenised(corpus.split(split), self.vocabulary, label=label)


def tokenised(
  documents: Iterable[Document], vocabulary: ByteLevelBPE, *, label: str
) -> Iterator[tuple[str, Int32[np.ndarray, " n"]]]:
  """Paths and tokens; as many documents in memory as make a batch for the tokenizer."""
  begun = said = time.monotonic()
  count = size = 0

  def say() -> None:
    rate = size / 1e6 / max(time.monotonic() - begun, 1e-3)
    told = f"{count} documents, {size / 1e6:.1f} MB, {rate:.1f} MB/s"
    print(f"tokenising {label}: {told}", file=sys.stderr, flush=True)

  for batch in batches(documents):
    texts = [document.text for document in batch]
    yield from zip((d.path for d in batch), vocabulary.encode_batch(texts), strict=True)
    count, size = count + len(texts), size + sum(len(text.encode()) for text in texts)
    if time.monotonic() - said > SECONDS:
      said = time.monotonic()
      say()
  say()


def batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
  batch: list[Document] = []
  size = 0
  for document in documents:
    batch.append(document)
    size += len(document.text)
    if size >= BATCH:
      yield batch
      batch, size = [], 0
  if batch:
    yield batch
