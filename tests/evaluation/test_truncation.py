"""Completions end where the published rule ends them, and where generation may stop early."""

import re

from hypothesis import example, given
from hypothesis import strategies as st
import pytest

from codegen_jax.evaluation import truncation

PIECES = [
  "\n", "\n\n", "\n\n\n", "#", "print", "def", "'''", '"""', "<|endoftext|>", " ", "    return x",
  "x = 1", "\n#", "\ndef f():\n", "\nprint(1)\n", "\r", "\u2028",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=20)


def published(completion: str) -> str:
  """`truncate` of salesforce/CodeGen, codegen1/jaxformer/hf/sample.py, step by step."""
  terminals = [
    re.compile(r, re.MULTILINE)
    for r in ["^#", re.escape("<|endoftext|>"), "^'''", '^"""', "\n\n\n"]
  ]
  prints = list(re.finditer("^print", completion, re.MULTILINE))
  if len(prints) > 1:
    completion = completion[: prints[1].start()]
  defs = list(re.finditer("^def", completion, re.MULTILINE))
  if len(defs) > 1:
    completion = completion[: defs[1].start()]
  positions = []
  for terminal in terminals:
    match = terminal.search(completion, 0)
    if match:
      positions.append(match.start())
  return completion[: min(positions)] if positions else completion


def stopped(text: str) -> str:
  """As generation with stop strings leaves it: cut before the one that is complete first."""
  found = [(text.find(s) + len(s), text.find(s)) for s in truncation.STOPS if s in text]
  return text[: min(found)[1]] if found else text


@pytest.mark.parametrize(
  ("completion", "kept"),
  [
    ("", ""),
    ("    return 1\n", "    return 1\n"),
    ("    return 1\n# test\nx", "    return 1\n"),
    ("# from the first character", ""),
    ("    x = 1  # inside\n", "    x = 1  # inside\n"),
    ("    # indented\n    return\n", "    # indented\n    return\n"),
    ("a<|endoftext|>b", "a"),
    ("a\n'''\nb", "a\n"),
    ('a\n"""\nb', "a\n"),
    ('    """inside"""\n', '    """inside"""\n'),
    ("a\n\n\nb", "a"),
    ("a\n\nb", "a\n\nb"),
    ("a\nprint(1)\nprint(2)\n", "a\nprint(1)\n"),
    ("a\nprint(1)\nb", "a\nprint(1)\nb"),
    ("    print(1)\n    print(2)\n", "    print(1)\n    print(2)\n"),
    ("a\ndef f():\n  1\ndef g():\n", "a\ndef f():\n  1\n"),
    ("print\nprint\ndef\ndef\n", "print\n"),
    ("def\ndef\n# x\n", "def\n"),
    ("x\n# y\n\n\n\nz", "x\n"),
    ("a\n\n\n\n#", "a"),
  ],
)
def test_a_completion_is_cut_here(completion, kept):
  assert truncation.truncate(completion) == kept == published(completion)


@given(texts)
def test_it_is_the_published_rule(text):
  assert truncation.truncate(text) == published(text)


@given(texts)
@example("a\n#")
@example("a\n\n#")
@example("a\n\n\n#")
def test_generation_may_stop_at_the_stop_strings(text):
  """But for the newline before `#`, with which a stop string begins: programs have it anyway."""
  assert truncation.truncate(stopped(text)) in (
    truncation.truncate(text),
    truncation.truncate(text).removesuffix("\n"),
  )


@given(texts)
def test_a_cut_completion_is_not_cut_again(text):
  once = truncation.truncate(text)
  assert truncation.truncate(once) == once
