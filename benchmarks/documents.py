"""The documents that are read: the embedded code corpus, or its text cut into other lengths."""

from collections.abc import Callable
import dataclasses
import functools
import hashlib
from typing import Any, cast

import numpy as np

from codegen_jax.data import token_store
from codegen_jax.data.token_store import TokenStore
from codegen_jax.data.vocabulary import ByteLevelBPE
from tasks import build, local, sources


@functools.cache
def register(mean: int | None) -> str:
  """Every objective as `<name>_clm`, `<name>_psm`, ...; with a mean length, of other documents."""
  if mean is None:
    return local.CODE.name
  recut = Recut(f"recut_{mean}", mean)
  build.add_recipes(recut.name, cast(sources.Source, recut))
  return recut.name


def store(mean: int | None) -> TokenStore:
  source = local.CODE if mean is None else Recut(f"recut_{mean}", mean)
  return source.reader("train")()


def of(store: TokenStore) -> list[np.ndarray]:
  """Each document with the token that ends it."""
  return np.split(store.tokens[:], store.offsets[1:-1])


@dataclasses.dataclass(frozen=True)
class Recut:
  """The text of the embedded code corpus, cut into documents of geometric lengths."""

  name: str
  mean: int
  splits: tuple[str, ...] = ("train",)

  @property
  def vocabulary(self) -> ByteLevelBPE:
    return local.VOCABULARY

  def record(self) -> dict[str, Any]:
    return local.CODE.record() | {"mean_document": self.mean}

  def reader(self, split: str) -> Callable[[], TokenStore]:
    return functools.partial(self._open, split)

  def _open(self, split: str) -> TokenStore:
    whole = local.CODE.reader(split)()
    fingerprint = hashlib.sha256(f"{whole.fingerprint} {self.mean}".encode()).hexdigest()
    folder = sources.cache_folder() / "tokens" / f"{self.name}-{split}-{fingerprint[:16]}"
    if folder.is_dir():
      return TokenStore.open(folder, fingerprint=fingerprint)
    text = whole.tokens[:]
    text = text[text != whole.eos_id]
    lengths = np.random.default_rng(0).geometric(1 / self.mean, 1 + 2 * len(text) // self.mean)
    cuts = lengths.cumsum()
    documents = np.split(text, cuts[cuts < len(text)])
    return token_store.write(
      folder,
      ((f"{i}", tokens) for i, tokens in enumerate(documents)),
      vocab_size=whole.vocab_size,
      eos_id=whole.eos_id,
      fingerprint=fingerprint,
    )
