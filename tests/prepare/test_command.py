"""The command in its own process."""

import argparse
import os

import pytest

from codegen_jax.errors import InputError
from codegen_jax.prepare import command


@pytest.mark.parametrize(("before", "after"), [("ERROR", "NONE"), ("DEBUG", "DEBUG")])
def test_grpc_is_silent_unless_the_user_has_asked_it_to_speak(monkeypatch, tmp_path, before, after):
  monkeypatch.setenv("GRPC_VERBOSITY", before)
  parser = argparse.ArgumentParser()
  command.add_to(parser.add_subparsers(), "")
  given = [f"--input={tmp_path}/none", f"--out={tmp_path}/out", "--tokenizer=t.json"]
  with pytest.raises(InputError, match="cannot read the tokenizer"):
    command.run([], [], [], parser.parse_args([command.NAME, *given]))
  assert os.environ["GRPC_VERBOSITY"] == after
