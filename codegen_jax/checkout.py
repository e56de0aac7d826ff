"""Which code this is."""

import pathlib
import subprocess

import codegen_jax


def commit() -> str | None:
  """The checkout's commit, with a + where files differ from it; None outside a checkout."""
  root = pathlib.Path(codegen_jax.__file__).resolve().parents[1]
  if not (root / ".git").exists():
    return None
  ask = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
  try:
    return subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
  except (OSError, subprocess.CalledProcessError):
    return None
