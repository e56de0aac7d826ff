"""Byte-level BPE as a seqio vocabulary: text to ids and exactly back.

text                    #  a<sep>
encode                  [#][  ][a][<][sep][>]     a file never becomes a control token
encode_with_specials    [#][  ][a][<sep>]         a prompt may
decode                  the same text from either
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
import functools
import pathlib
import threading
from typing import Any

from jaxtyping import Bool, Int, Int32
import numpy as np
import seqio

from codegen_jax import did_you_mean
from codegen_jax.data import special_tokens, tokenizer_json
from codegen_jax.data.make_tokenizer import from_gpt2, train
from codegen_jax.data.pieces import pieces
from codegen_jax.data.tokenizer_json import PathLike, utf8
from codegen_jax.errors import InputError

__all__ = ["ByteLevelBPE", "from_gpt2", "train"]

BATCH = 4_000_000  # characters in the tokenizer at once


class ByteLevelBPE(seqio.Vocabulary):
  """A tokenizer.json, read on first use; any byte-level BPE with an <|endoftext|> will do.

  As everywhere in seqio, `decode` stops after the first <|endoftext|>, and `pad_id` is 0.  Here 0
  is a word ("!" in GPT-2's vocabulary): tell padding by its mask, never by its id.

  Args:
    tokenizer_file: the file, or a function that names it later, so that a task can be registered
      before its tokenizer is trained.
    rows: how many rows the embedding has, when that is more than the file has ids: the published
      CodeGens keep 51200 for 50295 ids, which a tokenizer.json cannot say.  Spare ids are "".
  """

  def __init__(self, tokenizer_file: PathLike | Callable[[], PathLike], *, rows: int | None = None):
    super().__init__()
    self._file = tokenizer_file if callable(tokenizer_file) else pathlib.Path(tokenizer_file)
    self._rows = rows
    self._lock = threading.Lock()
    self._loaded: tokenizer_json.Tables | None = None

  def __reduce__(self):  # tokenizer and lock stay behind: the other process reads the file itself
    return functools.partial(type(self), rows=self._rows), (self._file,)

  def __repr__(self) -> str:
    return f"{type(self).__name__}({str(self._file)!r}, rows={self._rows})"

  def __eq__(self, other: object) -> bool:
    if not isinstance(other, ByteLevelBPE):
      return False
    if self is other or (self._file, self._rows) == (other._file, other._rows):
      return True
    return (self.fingerprint, self.vocab_size) == (other.fingerprint, other.vocab_size)

  @property
  def _tables(self) -> tokenizer_json.Tables:
    if self._loaded is None:
      with self._lock:
        if self._loaded is None:
          self._loaded = tokenizer_json.read(self.file, self._rows)
    return self._loaded

  @property
  def file(self) -> pathlib.Path:
    """The tokenizer.json."""
    return pathlib.Path(self._file() if callable(self._file) else self._file)

  @property
  def fingerprint(self) -> str:
    """Hash of what decides the ids: tokens, merges, splitting; not of how the file is laid out."""
    return self._tables.fingerprint

  @property
  def _base_vocab_size(self) -> int:
    return len(self._tables.token_bytes)

  @property
  def bos_id(self) -> None:
    return None

  @property
  def eos_id(self) -> int:
    return self.special_id(special_tokens.END_OF_TEXT)

  @property
  def unk_id(self) -> None:
    return None

  def special_id(self, name: str) -> int:
    specials = self._tables.specials
    if name not in specials:
      hint = did_you_mean.suggestion(name, specials)
      raise InputError(f"this vocabulary has no special token {name!r}{hint}")
    return specials[name]

  def mask_ids(self) -> Int32[np.ndarray, " masks"]:
    """The ids of <mask_1>, <mask_2>, ..., as far as there is no gap."""
    return self._tables.mask_ids

  @property
  def num_masks(self) -> int:
    return len(self._tables.mask_ids)

  def mask_id(self, k: int) -> int:
    """The id of <mask_k>; k counts from 1."""
    if not 1 <= k <= self.num_masks:
      raise InputError(
        f"there is no <mask_{k}>: this vocabulary has {self.num_masks} masks, counted from 1; "
        "corrupt fewer spans per example or train a vocabulary with a larger num_masks"
      )
    return int(self._tables.mask_ids[k - 1])

  def is_special(self) -> Bool[np.ndarray, " V"]:
    """Which ids are special tokens: what `encode` never gives."""
    return self._tables.is_special

  def token_num_bytes(self) -> Int32[np.ndarray, " V"]:
    """UTF-8 bytes of text behind each id; 0 for specials and spare rows."""
    return self._tables.num_bytes

  def to_bytes(self, ids: Int[np.ndarray, " n"]) -> bytes:
    """The bytes behind ids, also where they end within a character."""
    table = self._tables.token_bytes
    return b"".join([table[i] for i in ids.tolist()])

  def encode_batch(self, texts: Sequence[str]) -> list[Int32[np.ndarray, " n"]]:
    """`encode`, many at a time, in the threads of the tokenizers library.

    A text of more than a million characters is given to it in pieces.
    """
    encoded: list[list[np.ndarray]] = [[] for _ in texts]
    for batch in _batches(utf8(texts)):
      of, parts = zip(*batch, strict=True)
      encodings = self._tables.tokenizer.encode_batch_fast(parts, add_special_tokens=False)
      for number, encoding in zip(of, encodings, strict=True):
        encoded[number].append(np.array(encoding.ids, np.int32))
    return [parts[0] if len(parts) == 1 else np.concatenate(parts) for parts in encoded]

  def encode_with_specials(self, text: str) -> list[int]:
    """For prompts: <sep> in the text is the token <sep>.  Everything between is `encode`d."""
    tables = self._tables
    pieces = tables.any_special.split(text)  # text, special, text, ..., text
    ids = self._encode(pieces[0])
    for special, piece in zip(pieces[1::2], pieces[2::2], strict=True):
      ids += [tables.specials[special], *self._encode(piece)]
    return ids

  def _encode(self, s: str) -> list[int]:
    (text,) = utf8([s])
    return self._tables.tokenizer.encode(text, add_special_tokens=False).ids

  def _decode(self, ids: Iterable[int]) -> str:
    table = self._tables.token_bytes
    known = (table[i] for i in ids if 0 <= i < len(table))
    return b"".join(known).decode("utf-8", "replace")

  def _encode_tf(self, s: Any) -> Any:
    import tensorflow as tf

    # A stateful function would make the iterator of the pipeline impossible to checkpoint.
    ids = tf.numpy_function(self._encode_utf8, [s], tf.int32, stateful=False)
    ids.set_shape([None])
    return ids

  def _encode_utf8(self, s: bytes | np.ndarray) -> Int32[np.ndarray, " n"]:
    try:
      return np.array(self._encode(np.asarray(s, object).item().decode()), np.int32)
    except UnicodeDecodeError as error:
      raise InputError(f"text is not UTF-8 ({error}); decode it with errors='replace'") from error

  def _decode_tf(self, ids: Any) -> Any:
    import tensorflow as tf

    texts = tf.numpy_function(self._decode_rows, [ids], tf.string, stateful=False)
    texts.set_shape(ids.shape[:-1])
    return texts

  def _decode_rows(self, ids: Int[np.ndarray, "*rows n"]) -> np.ndarray:
    texts = np.empty(ids.shape[:-1], object)
    for row in np.ndindex(texts.shape):
      # Not `_decode`: seqio has filled up with pad_id after <|endoftext|>, which would read "!!!".
      texts[row] = self.decode(ids[row].tolist()).encode()
    return texts


def _batches(texts: Iterable[str]) -> Iterator[list[tuple[int, str]]]:
  """The pieces of texts, each with the number of its text; as many as memory has room for."""
  batch, size = [], 0
  for number, text in enumerate(texts):
    for piece in pieces(text):
      batch.append((number, piece))
      size += len(piece)
      if size >= BATCH:
        yield batch
        batch, size = [], 0
  if batch:
    yield batch
