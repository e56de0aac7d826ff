"""Steps by their names."""

import argparse

import pytest

from codegen_jax.checkpoint import steps


@pytest.mark.parametrize(("text", "expected"), [("0", 0), ("1200", 1200), ("best", "best")])
def test_a_flag_names_a_step_or_the_best_one(text, expected):
  assert steps.named(text) == expected


@pytest.mark.parametrize("text", ["", "last", "-1", "1.5"])
def test_what_is_no_step_is_a_sentence(text):
  with pytest.raises(argparse.ArgumentTypeError, match="is no step; give its number, or best"):
    steps.named(text)
