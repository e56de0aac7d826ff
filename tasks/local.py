"""The embedded corpus: this machine's own Python and documentation, in a vocabulary of its own.

local_code_clm   local_prose_clm   code_and_prose_clm     half the tokens are code, half prose
local_code_psm   local_prose_psm   code_and_prose_psm     the same with every recipe
"""

import hashlib
import pathlib

from codegen_jax.data import vocabulary
from tasks import build, embedded, sources

VOCAB_SIZE = 4096
NUM_MASKS = 300  # UL2 takes 256 spans out of a row of 2048
FORMAT = 2  # raise it when training would choose other tokens from the same text


def tokenizer_file() -> pathlib.Path:
  """A tokenizer trained on the training split of both corpora, made once and kept in the cache."""
  code, prose = embedded.code(), embedded.prose()
  told = f"{code.fingerprint} {prose.fingerprint} {VOCAB_SIZE} {NUM_MASKS} {FORMAT}"
  name = f"local-{hashlib.sha256(told.encode()).hexdigest()[:16]}.json"
  file = sources.cache_folder() / "tokenizers" / name
  if file.exists():
    return file
  texts = [document.text for corpus in (code, prose) for document in corpus.split("train")]
  return vocabulary.train(texts, vocab_size=VOCAB_SIZE, num_masks=NUM_MASKS, out=file)


VOCABULARY = vocabulary.ByteLevelBPE(tokenizer_file)
CODE = sources.Source("local_code", embedded.code, VOCABULARY)
PROSE = sources.Source("local_prose", embedded.prose, VOCABULARY)

build.add_recipes("local_code", CODE)
build.add_recipes("local_prose", PROSE)
build.add_equal_mixtures("code_and_prose", "local_code", "local_prose", CODE)
