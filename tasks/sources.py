"""Where documents come from, tokenised once and then read by position."""

from collections.abc import Callable
import dataclasses
import functools
import hashlib
import os
import pathlib
import sys
from typing import Any

from codegen_jax.data import token_store
from codegen_jax.data.corpus import SPLITS, Corpus
from codegen_jax.data.token_store import TokenStore
from codegen_jax.data.vocabulary import ByteLevelBPE

ROOT = pathlib.Path(__file__).resolve().parents[1]


def cache_folder() -> pathlib.Path:
  """Where tokenizers and tokens are kept between runs: $CODEGEN_JAX_CACHE, or runs/cache."""
  return pathlib.Path(os.environ.get("CODEGEN_JAX_CACHE") or ROOT / "runs" / "cache")


@dataclasses.dataclass(frozen=True)
class Source:
  """A corpus under a vocabulary.

  The tokens lie in the cache under a name made of both fingerprints, so other text or another
  tokenizer is another folder and nothing stale is ever read.
  """

  name: str
  corpus: Callable[[], Corpus]
  vocabulary: ByteLevelBPE
  splits: tuple[str, ...] = SPLITS

  def reader(self, split: str) -> Callable[[], TokenStore]:
    """Tokenises the split where that is still to be done, and opens it; the second call is free."""
    return functools.cache(functools.partial(self._open, split))

  def record(self) -> dict[str, Any]:
    return {**self.corpus().record(), "tokenizer": self.vocabulary.fingerprint}

  def _open(self, split: str) -> TokenStore:
    corpus, vocabulary = self.corpus(), self.vocabulary
    told = f"{corpus.fingerprint} {vocabulary.fingerprint} {split}"
    fingerprint = hashlib.sha256(told.encode()).hexdigest()
    folder = cache_folder() / "tokens" / f"{self.name}-{split}-{fingerprint[:16]}"
    if folder.is_dir():
      return TokenStore.open(folder, fingerprint=fingerprint)
    documents = corpus.split(split)
    size = sum(len(document.text) for document in documents) / 1e6
    print(f"tokenising {self.name}/{split}: {len(documents)} documents, {size:.1f} MB",
          file=sys.stderr, flush=True)  # fmt: skip
    tokens = vocabulary.encode_batch([document.text for document in documents])
    return token_store.write(
      folder,
      zip((document.path for document in documents), tokens, strict=True),
      vocab_size=vocabulary.vocab_size,
      eos_id=vocabulary.eos_id,
      fingerprint=fingerprint,
    )
