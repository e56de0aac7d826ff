"""The tokenizer of a folder of theirs, as one tokenizer.json, and a folder's as theirs reads it."""

import json
import pathlib
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from codegen_jax.data import special_tokens
from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.errors import InputError
from codegen_jax.files import write_json, write_text

NAME = "tokenizer.json"


def take(folder: pathlib.Path, out: pathlib.Path, *, vocab_size: int) -> ByteLevelBPE | None:
  """Writes the tokenizer of a folder to `out`, if it has one.

  Raises:
    InputError: it is damaged, no byte-level BPE, or has an id that the embedding has no row for.
  """
  if (folder / NAME).is_file():
    return write(ByteLevelBPE(folder / NAME), out, vocab_size=vocab_size)
  if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
    write_text(out / NAME, _joined(folder))
    return write(ByteLevelBPE(out / NAME), out, vocab_size=vocab_size)
  return None


def write(vocabulary: ByteLevelBPE, out: pathlib.Path, *, vocab_size: int) -> ByteLevelBPE:
  """Writes tokenizer.json, without what would change our ids: cuts, padding, extra tokens."""
  refuse_unfit(vocabulary, vocab_size=vocab_size)
  settings = json.loads(vocabulary.file.read_text("utf-8"))
  settings |= {"truncation": None, "padding": None, "post_processor": None}
  write_text(out / NAME, json.dumps(settings, ensure_ascii=False, indent=1))
  return ByteLevelBPE(out / NAME)


def refuse_unfit(vocabulary: ByteLevelBPE, *, vocab_size: int) -> None:
  """Raises InputError if a token has no row in the embedding."""
  last = vocabulary.vocab_size - 1
  if last >= vocab_size:
    token = Tokenizer.from_file(str(vocabulary.file)).id_to_token(last)
    raise InputError(
      f"the tokenizer {vocabulary.file} gives {token!r} the id {last}, and the embedding has"
      f" {vocab_size} rows: it is another model's"
    )


def config(positions: int) -> dict[str, Any]:
  """tokenizer_config.json: transformers reads tokenizer.json as it is, and adds nothing."""
  end = special_tokens.END_OF_TEXT
  return {
    # Not CodeGenTokenizer: in transformers 5 it makes merges and runs of spaces anew.
    "tokenizer_class": "PreTrainedTokenizerFast",
    "model_max_length": positions,
    "clean_up_tokenization_spaces": False,
    "bos_token": end,
    "eos_token": end,
    "unk_token": end,
    "pad_token": end,
  }


def write_for_transformers(
  vocabulary: ByteLevelBPE, out: pathlib.Path, *, vocab_size: int, positions: int
) -> None:
  """Writes the two files that AutoTokenizer reads."""
  write(vocabulary, out, vocab_size=vocab_size)
  write_json(out / "tokenizer_config.json", config(positions))


def _joined(folder: pathlib.Path) -> str:
  """vocab.json, merges.txt and, where there is one, added_tokens.json in one."""
  try:
    model = models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt"))
  except Exception as error:  # tokenizers raises no narrower one
    raise InputError(
      f"vocab.json and merges.txt of {folder} are no byte-level BPE ({error}); fetch them again"
    ) from error
  tokenizer = Tokenizer(model)
  tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
  tokenizer.decoder = decoders.ByteLevel()
  tokenizer.add_special_tokens([_token(special_tokens.END_OF_TEXT, special=True)])
  added = folder / "added_tokens.json"
  told = json.loads(added.read_text("utf-8")) if added.is_file() else {}
  for token, number in sorted(told.items(), key=lambda pair: pair[1]):
    is_text = not token.strip()  # runs of spaces and tabs
    add = tokenizer.add_tokens if is_text else tokenizer.add_special_tokens
    add([_token(token, special=not is_text)])
    if tokenizer.token_to_id(token) != number:
      raise InputError(
        f"{added} gives {token!r} the id {number}, and after vocab.json it would be"
        f" {tokenizer.token_to_id(token)}; give a tokenizer.json with --tokenizer"
      )
  return tokenizer.to_str()


def _token(text: str, *, special: bool) -> AddedToken:
  return AddedToken(text, normalized=False, special=special)
