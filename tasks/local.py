"""The embedded corpus: this machine's own Python and documentation, in a vocabulary of its own.

local_code_clm        local_prose_clm        local_clm          half code, half prose
local_code_prefix_lm  local_prose_prefix_lm  local_prefix_lm    the same text, as PrefixLMs read it
"""

import hashlib
import pathlib

from codegen_jax.data import vocabulary
from codegen_jax.data.objectives import CausalLM, Objective, PerFile, PrefixLM
from tasks import build, embedded, sources

VOCAB_SIZE = 4096
FORMAT = 1  # raise it when training would choose other tokens from the same text


def tokenizer_file() -> pathlib.Path:
  """A tokenizer trained on the training split of both corpora, made once and kept in the cache."""
  code, prose = embedded.code(), embedded.prose()
  told = f"{code.fingerprint} {prose.fingerprint} {VOCAB_SIZE} {FORMAT}"
  name = f"local-{hashlib.sha256(told.encode()).hexdigest()[:16]}.json"
  file = sources.cache_folder() / "tokenizers" / name
  if file.exists():
    return file
  texts = [document.text for corpus in (code, prose) for document in corpus.split("train")]
  return vocabulary.train(texts, vocab_size=VOCAB_SIZE, out=file)


VOCABULARY = vocabulary.ByteLevelBPE(tokenizer_file)
CODE = sources.Source("local_code", embedded.code, VOCABULARY)
PROSE = sources.Source("local_prose", embedded.prose, VOCABULARY)

OBJECTIVES: dict[str, Objective] = {"clm": CausalLM(), "prefix_lm": PerFile(PrefixLM())}

for objective, made in OBJECTIVES.items():
  build.add_task(f"local_code_{objective}", CODE, made)
  build.add_task(f"local_prose_{objective}", PROSE, made)
  build.add_mixture(
    f"local_{objective}", {f"local_code_{objective}": 0.5, f"local_prose_{objective}": 0.5}
  )
