"""Makes a tokenizer.json: learned from texts, or CodeGen's out of GPT-2's two files."""

from collections.abc import Iterable, Sequence
import json
import pathlib
import uuid

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from codegen_jax import did_you_mean
from codegen_jax.data import special_tokens
from codegen_jax.data.tokenizer_json import PathLike, utf8
from codegen_jax.errors import InputError

_GPT2_IDS = 50_257  # 256 bytes, 50000 merges, <|endoftext|>


def train(
  texts: Iterable[str], *, vocab_size: int, out: PathLike, num_masks: int = 100
) -> pathlib.Path:
  """Learns ordinary ids 0, 1, ... and puts the specials last:  ! " # ... <|endoftext|> ... <mask_1>

  The same texts give the same file, whatever their order.
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
  tokenizer.train_from_iterator(utf8(texts), trainer)
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
  """Builds a published model's tokenizer.json; `layout` is a key of `special_tokens.LAYOUTS`.

  For a published checkpoint, read it as `ByteLevelBPE(out, rows=special_tokens.CODEGEN_ROWS)`.
  """
  if layout not in special_tokens.LAYOUTS:
    hint = did_you_mean.suggestion(layout, special_tokens.LAYOUTS)
    raise InputError(f"no layout is called {layout!r}{hint}")
  chosen = special_tokens.LAYOUTS[layout]
  vocab = _read_encoder(pathlib.Path(encoder_json))
  merges = _read_merges(pathlib.Path(vocab_bpe), vocab)
  if chosen.runs_are_merges:
    for run in chosen.runs:  # the longest has the lowest id, so it merges first: runs grow fully
      spelled = run.replace(" ", "Ġ").replace("\t", "ĉ")
      vocab[spelled] = len(vocab)
      merges.append((spelled[1:], spelled[0]))
  tokenizer = _blank(models.BPE(vocab=vocab, merges=merges))
  _add(tokenizer, [special_tokens.END_OF_TEXT], special=True)
  if not chosen.runs_are_merges:
    _add(tokenizer, chosen.runs, special=False)
  _add(tokenizer, chosen.specials, special=True)
  return _write(tokenizer, pathlib.Path(out))


def _blank(model: models.BPE) -> Tokenizer:
  tokenizer = Tokenizer(model)
  # GPT-2's regex keeps a run of spaces in one piece, so indentation can become one token.
  tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
  tokenizer.decoder = decoders.ByteLevel()
  return tokenizer


def _add(tokenizer: Tokenizer, tokens: Sequence[str], *, special: bool) -> None:
  """Gives the next free ids, in order; a token that the model knows keeps its own."""
  added = [AddedToken(token, normalized=False, special=special) for token in tokens]
  (tokenizer.add_special_tokens if special else tokenizer.add_tokens)(added)


def _write(tokenizer: Tokenizer, out: pathlib.Path) -> pathlib.Path:
  out.parent.mkdir(parents=True, exist_ok=True)
  draft = out.with_name(f".{out.name}.{uuid.uuid4().hex}")
  try:
    draft.write_text(tokenizer.to_str(pretty=True), "utf-8")
    draft.replace(out)  # at once: whoever reads `out` meanwhile sees the old file or the new one
  finally:
    draft.unlink(missing_ok=True)
  return out


def _read_encoder(path: pathlib.Path) -> dict[str, int]:
  text = _read(path)
  try:
    vocab = json.loads(text)
    ids = sorted(vocab.values())
  except (ValueError, AttributeError, TypeError) as error:
    raise InputError(f"{path} is not GPT-2's encoder.json, a JSON object: {error}") from error
  if ids != list(range(_GPT2_IDS)) or vocab.get(special_tokens.END_OF_TEXT) != _GPT2_IDS - 1:
    raise InputError(
      f"{path} is not GPT-2's encoder.json: it has {len(vocab)} tokens, and the ids 0 to "
      f"{_GPT2_IDS - 1} were expected, <|endoftext|> the last; download it again"
    )
  return vocab


def _read_merges(path: pathlib.Path, vocab: dict[str, int]) -> list[tuple[str, str]]:
  merges = []
  for number, line in enumerate(_read(path).split("\n"), 1):
    if line.startswith("#version") or not line.strip():
      continue
    pair = tuple(line.split())
    if len(pair) != 2 or not vocab.keys() >= {*pair, "".join(pair)}:
      raise InputError(
        f"{path}, line {number}: {line[:40]!r} is not a merge of two tokens of encoder.json; "
        "are both files GPT-2's?"
      )
    merges.append(pair)
  if len(merges) != _GPT2_IDS - 257:
    raise InputError(
      f"{path} has {len(merges)} merges and GPT-2's vocab.bpe has {_GPT2_IDS - 257}; "
      "download it again"
    )
  return merges


def _read(path: pathlib.Path) -> str:
  try:
    return path.read_text("utf-8")
  except (OSError, UnicodeDecodeError) as error:
    raise InputError(f"cannot read {path}, a file of GPT-2's tokenizer: {error}") from error
