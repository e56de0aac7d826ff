"""Byte-level BPE as a seqio vocabulary: reading one, training one, building CodeGen's from GPT-2's.

  text                    #  a<sep>
  encode                  [#][  ][a][<][sep][>]     a file never becomes a control token
  encode_with_specials    [#][  ][a][<sep>]         a prompt may
  decode                  the same text from either
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
import functools
import hashlib
import json
import os
import pathlib
import re
import threading
from typing import Any
import uuid

from jaxtyping import Int32
import numpy as np
import seqio
from tokenizers import AddedToken, decoders, models, pre_tokenizers, Tokenizer, trainers

from codegen_jax import did_you_mean
from codegen_jax.data import special_tokens
from codegen_jax.errors import InputError

PathLike = str | os.PathLike[str]

# GPT-2 spells each byte as one visible character: itself if printable, else one from U+0100 on.
_PRINTABLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_OTHERS = sorted(set(range(256)) - set(_PRINTABLE))
_BYTE = {chr(b): b for b in _PRINTABLE} | {chr(0x100 + i): b for i, b in enumerate(_OTHERS)}
_SPELLING = {byte: char for char, byte in _BYTE.items()}

# Every byte that UTF-8 can hold, and what normalizers like to change.
_PROBE = "x" + "e\u0301 ﬁ \r\n\t\t  x   ".join(
  map("".join, (map(chr, range(0x801)), map(chr, range(0x1000, 0xD000, 0x1000))))
)


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

  def __init__(
    self, tokenizer_file: PathLike | Callable[[], PathLike], *, rows: int | None = None
  ):
    super().__init__()
    self._file = tokenizer_file if callable(tokenizer_file) else pathlib.Path(tokenizer_file)
    self._rows = rows
    self._lock = threading.Lock()
    self._loaded: _Tables | None = None

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
  def _tables(self) -> "_Tables":
    if self._loaded is None:
      with self._lock:
        if self._loaded is None:
          path = pathlib.Path(self._file() if callable(self._file) else self._file)
          self._loaded = _read(path, self._rows)
    return self._loaded

  @property
  def fingerprint(self) -> str:
    """The same for two files exactly when they give the same ids; layout of the file aside."""
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

  @functools.cached_property
  def num_masks(self) -> int:
    """How many of <mask_1>, <mask_2>, ... there are without a gap."""
    k = 0
    while special_tokens.mask(k + 1) in self._tables.specials:
      k += 1
    return k

  def mask_id(self, k: int) -> int:
    """The id of <mask_k>; k counts from 1."""
    if not 1 <= k <= self.num_masks:
      raise InputError(
        f"there is no <mask_{k}>: this vocabulary has {self.num_masks} masks, counted from 1; "
        "corrupt fewer spans per example or train a vocabulary with a larger num_masks"
      )
    return self._tables.specials[special_tokens.mask(k)]

  def token_num_bytes(self) -> Int32[np.ndarray, " V"]:
    """UTF-8 bytes of text behind each id; 0 for specials and spare rows."""
    tables = self._tables
    lengths = np.array([len(token) for token in tables.token_bytes], np.int32)
    lengths[list(tables.specials.values())] = 0
    return lengths

  def encode_batch(self, texts: Sequence[str]) -> list[Int32[np.ndarray, " n"]]:
    """`encode`, many at a time, in the threads of the tokenizers library."""
    texts = list(_utf8(texts))
    encodings = self._tables.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    return [np.array(encoding.ids, np.int32) for encoding in encodings]

  def encode_with_specials(self, text: str) -> list[int]:
    """For prompts: <sep> in the text is the token <sep>.  Everything between is `encode`d."""
    tables = self._tables
    pieces = tables.any_special.split(text)  # text, special, text, ..., text
    ids = self._encode(pieces[0])
    for special, piece in zip(pieces[1::2], pieces[2::2], strict=True):
      ids += [tables.specials[special], *self._encode(piece)]
    return ids

  def _encode(self, s: str) -> list[int]:
    (text,) = _utf8([s])
    return self._tables.tokenizer.encode(text, add_special_tokens=False).ids

  def _decode(self, ids: Iterable[int]) -> str:
    table = self._tables.token_bytes
    known = (table[i] for i in ids if 0 <= i < len(table))
    return b"".join(known).decode("utf-8", "replace")

  def _encode_tf(self, s: Any) -> Any:
    import tensorflow as tf

    def encode(utf8: np.ndarray) -> np.ndarray:
      try:
        return np.array(self._encode(utf8.item().decode()), np.int32)
      except UnicodeDecodeError as error:
        raise InputError(f"text is not UTF-8 ({error}); decode it with errors='replace'") from error

    # A stateful function would make the iterator of the pipeline impossible to checkpoint.
    ids = tf.numpy_function(encode, [s], tf.int32, stateful=False)
    ids.set_shape([None])
    return ids

  def decode_tf(self, ids: Any) -> Any:
    return self._decode_tf(ids)  # seqio's would fill up with pad_id after <|endoftext|>: "!!!!"

  def _decode_tf(self, ids: Any) -> Any:
    import tensorflow as tf

    def decode(ids: np.ndarray) -> np.ndarray:
      texts = np.empty(ids.shape[:-1], object)
      for row in np.ndindex(texts.shape):
        texts[row] = self.decode(ids[row].tolist()).encode()
      return texts

    texts = tf.numpy_function(decode, [ids], tf.string, stateful=False)
    texts.set_shape(ids.shape[:-1])
    return texts


def train(
  texts: Iterable[str], *, vocab_size: int, out: PathLike, num_masks: int = 100
) -> pathlib.Path:
  """Learns ordinary ids 0, 1, ... and puts the specials last:  ! " # ... <|endoftext|> ... <mask_1>

  The same texts give the same file, in any order.
  """
  specials = special_tokens.trained(num_masks)
  ordinary = vocab_size - len(specials)
  if num_masks < 0 or ordinary < 256:
    raise InputError(
      f"vocab_size {vocab_size} is too small: 256 bytes and {len(specials)} special tokens need "
      f"{256 + len(specials)}; raise it or lower num_masks ({num_masks}, at least 0)"
    )
  tokenizer = _blank(models.BPE())
  trainer = trainers.BpeTrainer(
    vocab_size=ordinary,
    initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    min_frequency=2,  # what occurs once is memorised, not learned
    show_progress=False,
  )
  tokenizer.train_from_iterator(_utf8(texts), trainer)
  if (learned := tokenizer.get_vocab_size()) < ordinary:
    raise InputError(
      f"the texts repeat too little: {learned} ordinary tokens could be learned and vocab_size "
      f"{vocab_size} asks for {ordinary}; give more text or ask for {learned + len(specials)}"
    )
  _add(tokenizer, specials, special=True)
  return _write(tokenizer, pathlib.Path(out))


def from_gpt2(
  encoder_json: PathLike, vocab_bpe: PathLike, *, layout: str, out: PathLike
) -> pathlib.Path:
  """Builds the tokenizer.json of a published model from GPT-2's two files.

  Args:
    layout: a key of `special_tokens.LAYOUTS`; all but "gpt2" are read with `rows=CODEGEN_ROWS`.
  """
  if layout not in special_tokens.LAYOUTS:
    hint = did_you_mean.suggestion(layout, special_tokens.LAYOUTS)
    raise InputError(f"no layout is called {layout!r}{hint}")
  chosen = special_tokens.LAYOUTS[layout]
  vocab = _read_encoder(pathlib.Path(encoder_json))
  merges = _read_merges(pathlib.Path(vocab_bpe), vocab)
  if chosen.runs_are_merges:
    for run in chosen.runs:  # the longest has the lowest id, so it merges first: runs grow fully
      merges.append((_spell(run[1:]), _spell(run[0])))
      vocab[_spell(run)] = len(vocab)
  tokenizer = _blank(models.BPE(vocab=vocab, merges=merges))
  _add(tokenizer, [special_tokens.END_OF_TEXT], special=True)
  if not chosen.runs_are_merges:
    _add(tokenizer, chosen.runs, special=False)
  _add(tokenizer, chosen.specials, special=True)
  return _write(tokenizer, pathlib.Path(out))
