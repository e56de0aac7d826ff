"""Reads a tokenizer.json into the tables that text needs on its way to ids and back."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
import hashlib
import itertools
import json
import os
import pathlib
import re
from typing import Any

from jaxtyping import Bool, Int32
import numpy as np
from tokenizers import Tokenizer

from codegen_jax.data import special_tokens
from codegen_jax.errors import InputError

PathLike = str | os.PathLike[str]

# GPT-2 spells each byte as one visible character: itself if printable, else one from U+0100 on.
_PRINTABLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_OTHERS = sorted(set(range(256)) - set(_PRINTABLE))
_BYTE = {chr(b): b for b in _PRINTABLE} | {chr(0x100 + i): b for i, b in enumerate(_OTHERS)}

# Every byte that UTF-8 can hold, then what normalizers like to change.
_PROBE = "x" + "".join(
  map(chr, (*range(0x801), *range(0x1000, 0x10000, 0x1000), *range(0x10000, 0x110000, 0x10000)))
)
_PROBE += "e\u0301 ﬁ \r\n\t\t  x   "


@dataclass(frozen=True)
class Tables:
  """What is read from the file."""

  tokenizer: Tokenizer  # blind to specials, never changed: threads share it
  token_bytes: list[bytes]  # one for each row of the embedding
  num_bytes: Int32[np.ndarray, " V"]  # of text behind each id: none behind specials
  specials: dict[str, int]
  is_special: Bool[np.ndarray, " V"]
  mask_ids: Int32[np.ndarray, " masks"]
  any_special: re.Pattern[str]
  fingerprint: str


def read(path: pathlib.Path, rows: int | None) -> Tables:
  try:
    settings = json.loads(path.read_text("utf-8"))
    # A file may ask for [CLS], for a cut at 512 or for random merges; none of it is for us.
    settings |= {"truncation": None, "padding": None, "post_processor": None}
    settings["model"]["dropout"] = None
    tokenizer = Tokenizer.from_str(json.dumps(settings))
  except OSError as error:
    raise InputError(
      f"cannot read the tokenizer {path} ({error.strerror}); train it first"
    ) from error
  except Exception as error:  # tokenizers raises no narrower one
    raise InputError(
      f"{path} is not a tokenizer.json of the tokenizers library: {error}"
    ) from error
  tokenizer.encode_special_tokens = True  # "special tokens too are encoded as text"
  added = tokenizer.get_added_tokens_decoder()
  specials = {token.content: i for i, token in added.items() if token.special}
  if special_tokens.END_OF_TEXT not in specials:
    raise InputError(f"{path} has no special token <|endoftext|>, which ends a document; add one")

  tokens = {i: token_bytes(token) for token, i in tokenizer.get_vocab(False).items()}
  tokens |= {i: token.content.encode() for i, token in added.items()}
  size = 1 + max(tokens)
  if rows is not None and rows < size:
    raise InputError(
      f"rows={rows} cannot hold the {size} ids of {path}; leave rows out or raise it"
    )
  table = [tokens.get(i, b"") for i in range(rows or size)]
  ids = tokenizer.encode(_PROBE, add_special_tokens=False).ids
  if b"".join(table[i] for i in ids) != _PROBE.encode():
    raise InputError(
      f"{path} does not give every text back as it was, so no count of bytes would be right; "
      "a byte-level BPE without normalizer and without prefix space is needed"
    )
  longest_first = sorted(specials, key=len, reverse=True)
  any_special = re.compile(f"({'|'.join(map(re.escape, longest_first))})")
  is_special = np.zeros(len(table), bool)
  is_special[list(specials.values())] = True
  return Tables(
    tokenizer,
    table,
    np.array([len(token) for token in table], np.int32) * ~is_special,
    specials,
    is_special,
    _mask_ids(specials),
    any_special,
    _fingerprint(settings),
  )


def _mask_ids(specials: dict[str, int]) -> Int32[np.ndarray, " masks"]:
  names = itertools.takewhile(specials.__contains__, map(special_tokens.mask, itertools.count(1)))
  return np.array([specials[name] for name in names], np.int32)


def token_bytes(token: str) -> bytes:
  try:
    return bytes(_BYTE[char] for char in token)
  except KeyError:  # not in GPT-2's spelling: the probe will tell whether that matters
    return token.encode()


def _fingerprint(settings: dict[str, Any]) -> str:
  merges = settings["model"]["merges"]  # older files write "a b" for ["a", "b"]
  pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in merges]
  kept = {key: settings.get(key) for key in ("added_tokens", "normalizer", "pre_tokenizer")}
  kept["model"] = settings["model"] | {"merges": pairs}
  return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def utf8(texts: Iterable[str]) -> Iterator[str]:
  """The same texts, each known to be one that UTF-8 can hold."""
  for text in texts:
    try:
      text.encode()
    except UnicodeEncodeError as error:
      raise InputError(
        f"text has the lone surrogate {text[error.start]!r} at character {error.start}, which "
        "UTF-8 cannot hold; read the file with errors='replace'"
      ) from error
    yield text
