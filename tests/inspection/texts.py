"""Two corpora of text under a small vocabulary, read with every kind of objective.

Importing it registers the tasks, as a module of tasks/ does.
"""

from collections.abc import Callable, Mapping
import dataclasses
import functools
import pathlib
import tempfile
from typing import Any

import numpy as np
import seqio

from codegen_jax.data import token_store, vocabulary
from codegen_jax.data.objectives import (
  CausalLM,
  MaskedLM,
  PerFile,
  PrefixLM,
  PrefixSuffixMiddle,
  SpanCorruption,
  UniformSpans,
)
from codegen_jax.data.pipeline import DataConfig, Reader
from codegen_jax.data.rows import RowSource
from codegen_jax.data.token_store import TokenStore
from tasks import build

FOLDER = tempfile.TemporaryDirectory(prefix="texts")
L = 64


def function(name: str, n: int) -> str:
  body = "".join(f"\tif x == {i}:\n\t\treturn x + {i}\n" for i in range(n))
  return f"def {name}(x):\n{body}\treturn None  # go!\n"


# Texts that a browser or a terminal would obey, characters of several tokens, and id 0, a "!".
CODE = {
  "script.py": '<script>alert("1")</script> & more\n' * 3,
  "colour.py": "print('\x1b[31mred\x1b[0m')\f\r\u202e\n",
  "wörds.py": "# héllo wörld, 日本語 🙂 ünd é\n" * 6,
  **{f"<b>{i}</b>.py": function(f"f{i}", i % 7) for i in range(30)},
}
PROSE = {f"{i}.md": f"No. {i}: the quick brown fox jumps over it!\n" * (i + 1) for i in range(9)}


@dataclasses.dataclass(frozen=True)
class TextSource:
  """What tasks.build asks of a source."""

  name: str
  documents: Mapping[str, str]

  splits = ("train", "validation")

  @property
  def vocabulary(self) -> vocabulary.ByteLevelBPE:
    return VOCABULARY

  def record(self) -> dict[str, Any]:
    return {"version": "texts"}

  def reader(self, split: str) -> Callable[[], TokenStore]:
    return functools.cache(functools.partial(self._write, split))

  def _write(self, split: str) -> TokenStore:
    folder = pathlib.Path(FOLDER.name) / f"{self.name}-{split}"
    documents = {path: VOCABULARY.encode(text) for path, text in self.documents.items()}
    return token_store.write(
      folder,
      documents.items(),
      vocab_size=VOCABULARY.vocab_size,
      eos_id=VOCABULARY.eos_id,
      fingerprint=f"{self.name} {split}",
    )


@functools.cache
def _tokenizer_file() -> pathlib.Path:
  texts = [text for text in (*CODE.values(), *PROSE.values()) if text.isascii()]
  file = pathlib.Path(FOLDER.name) / "tokenizer.json"
  return vocabulary.train(texts, vocab_size=400, num_masks=64, out=file)


VOCABULARY = vocabulary.ByteLevelBPE(_tokenizer_file)
SPANS = SpanCorruption(VOCABULARY, UniformSpans(ratio=(0.1, 0.6), lengths=(1, 8)))
OBJECTIVES = {
  "clm": CausalLM(),
  "prefix_lm": PerFile(PrefixLM()),
  "psm": PerFile(PrefixSuffixMiddle(VOCABULARY, cuts="token")),
  "spans": PerFile(SPANS),
  "spans_row": SPANS,
  "mlm": PerFile(MaskedLM(VOCABULARY)),
}

for corpus in (TextSource("texts_code", CODE), TextSource("texts_prose", PROSE)):
  for kind, made in OBJECTIVES.items():
    build.add_task(f"{corpus.name}_{kind}", corpus, made)
  build.add_task(f"{corpus.name}_psm_document", corpus, OBJECTIVES["psm"], level="document")

build.add_mixture("texts_mixed", {"texts_code_clm": 0.75, "texts_prose_spans": 0.25})

TASKS = [f"texts_code_{kind}" for kind in (*OBJECTIVES, "psm_document")]


def reader(mixture: str, **changes) -> Reader:
  return Reader(DataConfig(mixture, **{"seq_len": L, "batch_size": 1} | changes))


def source(task: str) -> RowSource:
  return seqio.TaskRegistry.get(task).source


def ids(*names: str) -> np.ndarray:
  return np.array([VOCABULARY.special_id(name) for name in names])
