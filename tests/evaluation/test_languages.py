"""Which language a held-out document is written in."""

import pytest

from codegen_jax.data import documents
from codegen_jax.evaluation import languages, perplexity
from codegen_jax.evaluation.perplexity import DocumentScore


@pytest.mark.parametrize(
  ("path", "expected"),
  [
    ("json/decoder.py", "python"),
    ("owner/name/src/Main.JAVA", "java"),
    ("x/vector.hpp", "c++"),
    ("flax/flax.core.lift", "other"),
    ("README", "other"),
    (".py", "other"),
  ],
)
def test_the_end_of_a_name_says_the_language(path, expected):
  assert languages.language(path) == expected


@pytest.mark.parametrize("pattern", documents.SOURCES)
def test_whatever_is_read_from_folders_has_a_language(pattern):
  assert languages.language(pattern.replace("*", "x")) != languages.OTHER


def test_every_document_is_of_one_language():
  scores = {name: DocumentScore(8.0 * n, n, n) for n, name in enumerate(["b.py", "a.c", "a.py"], 1)}
  parts = perplexity.by_language(scores)
  assert {name: [*part] for name, part in parts.items()} == {
    "c": ["a.c"],
    "python": ["b.py", "a.py"],
  }
  assert perplexity.bits_per_byte(parts["python"]) == 8.0
