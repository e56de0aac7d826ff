"""What has to be installed together can be imported together: protobuf is where it fails."""

import importlib.util
import subprocess
import sys

import pytest

PACKAGES = (
  "apache_beam", "tensorflow", "seqio", "sentencepiece", "tensorflow_datasets", "jax",
  "array_record", "pyarrow", "rensa", "tiktoken",
)  # fmt: skip
PEERS = tuple(name for name in ("torch", "transformers") if importlib.util.find_spec(name))


@pytest.mark.parametrize(
  "order", [PACKAGES + PEERS, PEERS + PACKAGES[::-1]], ids=["beam first", "beam last"]
)
def test_beam_and_seqio_share_an_environment(order):
  lines = "; ".join(f"import {name}" for name in order)
  told = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=False)
  assert told.returncode == 0, told.stderr[-2000:]
