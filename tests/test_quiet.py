"""What libraries import for themselves."""

import importlib
import subprocess
import sys

import pytest

from codegen_jax.quiet import hidden


def test_a_hidden_library_is_found_again_afterwards():
  assert "this" not in sys.modules
  with hidden("this"), pytest.raises(ImportError):
    importlib.import_module("this")
  assert importlib.util.find_spec("this") is not None


def test_a_library_that_is_imported_already_stays():
  with hidden("json"):
    assert importlib.import_module("json") is sys.modules["json"]


def test_a_run_does_not_import_what_only_its_libraries_could_use():
  """PyTorch takes two seconds, and threads of its own; what Keras would like, one more."""
  asked = """
from codegen_jax.quiet import import_tensorflow
import_tensorflow()
import codegen_jax.training.metrics, sys
assert "tensorflow" in sys.modules
assert not {"torch", "matplotlib", "pandas", "sklearn"} & sys.modules.keys()
import matplotlib.pyplot  # a report's
"""
  subprocess.run([sys.executable, "-c", asked], check=True)
