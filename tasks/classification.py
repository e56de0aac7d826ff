"""Texts with labels, to tune a model for and to ask it about.

docstring_match_answer   functions of the embedded code: does a docstring fit?
wrong_operator_answer    functions of the embedded code: is an operator wrong?
package_answer           pieces of the embedded prose: which package do they document?
boolq_answer             BoolQ: superglue/BoolQ/train.jsonl and val.jsonl
defect_answer            Devign: codexglue_defect/train.jsonl.gz and test.jsonl.gz

The published ones lie below $CODEGEN_JAX_BENCHMARKS.  Each is there as `<name>_hidden_answer` too,
for a bidirectional model.  Where there is no file to train on, a tenth of the other is held out and
the rest is trained on.  README.md has texts of one's own.
"""

from collections.abc import Callable, Mapping
import functools
import os
import pathlib
from typing import Any

from codegen_jax.data.pairs import Pair, Pairs, labelled_files
from codegen_jax.errors import InputError
from tasks import embedded_pairs, local, package_pairs
from tasks.pairs import PairSource, add_answers

BENCHMARKS = "CODEGEN_JAX_BENCHMARKS"
YES = {"False": "no", "True": "yes", "false": "no", "true": "yes", "0": "no", "1": "yes"}
LABELS = ("no", "yes")


def folder(name: str) -> pathlib.Path:
  """Of a published collection."""
  where = os.environ.get(BENCHMARKS)
  if not where:
    raise InputError(f"{name} is needed; set {BENCHMARKS} to the folder that holds it")
  return pathlib.Path(where).expanduser() / name


def _boolq() -> Mapping[str, list[Pair]]:
  return labelled_files(
    folder("superglue/BoolQ"),
    {"train": "train.jsonl", "validation": "val.jsonl"},
    text=lambda row: f"{row['passage']}\nQuestion: {row['question']}?",
    label="label",
    labels=YES,
    question="\nAnswer:",
  )


def _defect() -> Mapping[str, list[Pair]]:
  return labelled_files(
    folder("codexglue_defect"),
    {"train": "train.jsonl.gz", "validation": "test.jsonl.gz"},
    text=_function,
    label="target",
    labels=YES,
    question="\n\nQuestion: Is this function vulnerable?\nAnswer:",
  )


def _function(row: Mapping[str, Any]) -> str:
  return "\n".join(line for line in row["func"].splitlines() if line.strip())


@functools.cache
def boolq() -> Pairs:
  return Pairs("boolq", "BoolQ's passages and questions", _boolq)


@functools.cache
def defect() -> Pairs:
  return Pairs("defect", "CodeXGLUE's C functions, secure or not", _defect)


COLLECTIONS: dict[str, tuple[Callable[[], Pairs], tuple[str, ...]]] = {
  "docstring_match": (embedded_pairs.docstring_match, LABELS),
  "wrong_operator": (embedded_pairs.wrong_operator, LABELS),
  "package": (package_pairs.package, package_pairs.LABELS),
  "boolq": (boolq, LABELS),
  "defect": (defect, LABELS),
}
for name, (collection, labels) in COLLECTIONS.items():
  add_answers(name, PairSource(name, collection, local.VOCABULARY, longest=400), labels=labels)
