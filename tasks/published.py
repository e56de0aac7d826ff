"""The corpora that CodeGen's papers trained on, by name; each is a folder of yours.

  export CODEGEN_JAX_TOKENIZER=~/codegen2.json CODEGEN_JAX_THE_STACK=/data/the_stack

the_pile_clm   bigquery_clm   bigpython_clm   the_stack_clm   starcoderdata_clm
the_pile_psm   bigquery_psm   bigpython_psm   the_stack_psm   starcoderdata_psm
...            the same with every recipe
the_pile_and_the_stack_clm, ...               half the text is from each: lesson 4

A folder that `codegen-jax prepare` made is read as the tokens that it holds (docs/data.md).  Any
other is tokenised when it is first read, at about 2 MB/s for each core, and may be a part of the
corpus; Parquet is for `prepare`.
"""

import functools
import os
import pathlib

from codegen_jax.data import special_tokens, vocabulary
from codegen_jax.data.documents import Documents
from codegen_jax.data.prepared import Prepared
from codegen_jax.errors import InputError
from tasks import build, sources

TOKENIZER_VARIABLE = "CODEGEN_JAX_TOKENIZER"

# Each with the field of a line that has its text.
CORPORA = {
  "the_pile": ("text", "The Pile: English text and some code from 22 places"),
  "bigquery": ("content", "C, C++, Go, Java, JavaScript and Python of GitHub, from BigQuery"),
  "bigpython": ("content", "public Python up to October 2021"),
  "the_stack": ("content", "The Stack: permissively licensed code of GitHub"),
  "starcoderdata": ("content", "StarCoderData: The Stack, filtered for StarCoder"),
}


def variable(corpus: str) -> str:
  """The name of the variable that says where a corpus is."""
  return f"CODEGEN_JAX_{corpus.upper()}"


def documents(corpus: str) -> Documents | Prepared:
  """The corpus where its variable says that it is."""
  field, description = CORPORA[corpus]
  where = os.environ.get(variable(corpus))
  if not where:
    raise InputError(
      f"the corpus {corpus} is yours to bring: set {variable(corpus)} to a folder (or a file) of"
      f" JSONL, .jsonl or .jsonl.gz, with the text in the field {field!r}, or of source files"
    )
  try:
    return _documents(corpus, where, field, description)
  except InputError as error:
    raise InputError(f"{variable(corpus)}={where}: {error}") from error


@functools.cache
def _documents(corpus: str, where: str, field: str, description: str) -> Documents | Prepared:
  if Prepared.is_one(where):
    return Prepared(where)
  made = Documents(corpus, where, field=field, description=description)
  _ = made.fingerprint  # so that a folder that is none is told with its variable
  return made


def tokenizer_file() -> pathlib.Path:
  """The tokenizer.json that its variable names."""
  where = os.environ.get(TOKENIZER_VARIABLE)
  if not where:
    raise InputError(
      f"set {TOKENIZER_VARIABLE} to a tokenizer.json, under which the published corpora are read;"
      " CodeGen2's is made of GPT-2's encoder.json and vocab.bpe by: python -c \"from"
      " codegen_jax.data import vocabulary as v; v.from_gpt2('encoder.json', 'vocab.bpe',"
      " layout='codegen2', out='codegen2.json')\" (layout='codegen25' has <fim_prefix> too, which"
      " psm and its kin need)"
    )
  return pathlib.Path(where).expanduser()


VOCABULARY = vocabulary.ByteLevelBPE(tokenizer_file, rows=special_tokens.CODEGEN_ROWS)
SOURCES = {
  corpus: sources.Source(corpus, functools.partial(documents, corpus), VOCABULARY)
  for corpus in CORPORA
}

for corpus, source in SOURCES.items():
  build.add_recipes(corpus, source)
build.add_equal_mixtures("the_pile_and_the_stack", "the_pile", "the_stack", SOURCES["the_stack"])
