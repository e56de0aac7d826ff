r"""Text as the ids of a tokenizer.json, seven times as fast where tiktoken can: same ids, checked.

tiktoken merges the pair whose result has the lowest id, so it agrees with a file whose merges are
in the order of their ids.  Runs of spaces that CodeGen's tokenizers cut out before anything else
are cut by its regular expression:

  x = 1\n    y     [x][ =][ ][1][\n][    ][y]        codegen, codegen2
"""

from collections.abc import Sequence
import functools
import json
import pathlib
from typing import Any

from codegen_jax.data import special_tokens, tokenizer_json
from codegen_jax.data.pieces import LONGEST, pieces
from codegen_jax.errors import InputError

_GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+"
_SPACE = r"\s+(?!\S)|\s+"
# White space that no run begins with.
_ALONE = r"(?: (?! )|\t(?!\t)|[^\S \t])"
_CHECKED = 20_000  # characters of a part that are encoded both ways


class Encoder:
  """Texts -> ids, in this process, without TensorFlow and seqio."""

  def __init__(self, file: str):
    self.tables = tokenizer_json.read(pathlib.Path(file), None)
    self._fast = _tiktoken(pathlib.Path(file))
    self.is_fast = self._fast is not None

  @property
  def eos_id(self) -> int:
    return self.tables.specials[special_tokens.END_OF_TEXT]

  def __call__(self, texts: Sequence[str]) -> list[list[int]]:
    if self._fast is None:
      return self.plainly(texts)
    encode = self._fast.encode_ordinary
    return [
      encode(text) if len(text) <= LONGEST else [i for piece in pieces(text) for i in encode(piece)]
      for text in texts
    ]

  def plainly(self, texts: Sequence[str]) -> list[list[int]]:
    """By the tokenizers library, whose file it is."""
    encoded = []
    for text in texts:
      batch = self.tables.tokenizer.encode_batch_fast(list(pieces(text)), add_special_tokens=False)
      encoded.append([i for encoding in batch for i in encoding.ids])
    return encoded

  def check(self, texts: Sequence[str]) -> None:
    """Raises InputError if the two ways differ on the beginning of these texts."""
    if self._fast is None:
      return
    room = _CHECKED
    for text in texts:
      if room <= 0:
        return
      shown, room = text[:room], room - len(text)
      if self([shown]) != self.plainly([shown]):
        raise InputError(
          "tiktoken and the tokenizers library encode a text of this corpus differently under this"
          " tokenizer; set FAST_TOKENIZER = False"
        )


@functools.lru_cache(maxsize=1)
def encoder(file: str, fast: bool) -> Encoder:
  """One for each process."""
  made = Encoder(file)
  if not fast:
    made._fast, made.is_fast = None, False
  return made


def fingerprint(file: pathlib.Path) -> str:
  return tokenizer_json.read(file, None).fingerprint


def _tiktoken(file: pathlib.Path) -> Any:
  """Tiktoken's encoding, or None where it would not be the same."""
  try:
    import tiktoken
  except ImportError:
    return None
  told = json.loads(file.read_text("utf-8"))
  model = told["model"]
  if told.get("normalizer") or not _is_gpt2(told.get("pre_tokenizer")):
    return None
  ids = {_bytes(token): i for token, i in model["vocab"].items()}
  merges = [m.split(" ") if isinstance(m, str) else m for m in model["merges"]]
  merged = [model["vocab"][first + second] for first, second in merges]
  if sorted(set(merged)) != merged:  # a token that two merges make, or merges out of order
    return None
  runs = [t["content"] for t in told.get("added_tokens", []) if not t["special"]]
  if any(set(run) not in ({" "}, {"\t"}) for run in runs):
    return None
  if any(token.isspace() and i >= 50_257 and len(token) > 1 for token, i in ids.items()):
    return None  # runs as merges: their pairs count, which tiktoken does not know
  specials = {t["content"].encode() for t in told.get("added_tokens", []) if t["special"]}
  ranks = {token: i for token, i in ids.items() if token not in specials}
  # What has no look-ahead stands in one group, which the regular expressions' library then matches
  # at once: half as fast again.
  pattern = f"(?:{_GPT2})|{_SPACE}"
  if runs:
    ranks |= {t["content"].encode(): t["id"] for t in told["added_tokens"] if not t["special"]}
    longest = {sign: [len(run) for run in runs if run[0] == sign] for sign in {r[0] for r in runs}}
    if any(sorted(lengths) != [*range(2, max(lengths) + 1)] for lengths in longest.values()):
      return None
    spaces = "|".join(f"{_sign(sign)}{{2,{max(longest[sign])}}}" for sign in sorted(longest))
    pattern = f"(?:{spaces}|{_GPT2})|{_ALONE}+(?!\\S)|{_ALONE}+"
  return tiktoken.Encoding(file.stem, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})


def _sign(sign: str) -> str:
  return " " if sign == " " else r"\t"


def _is_gpt2(pre_tokenizer: Any) -> bool:
  return (
    isinstance(pre_tokenizer, dict)
    and pre_tokenizer.get("type") == "ByteLevel"
    and not pre_tokenizer.get("add_prefix_space")
    and pre_tokenizer.get("use_regex", True)
  )


def _bytes(token: str) -> bytes:
  return tokenizer_json.token_bytes(token)
