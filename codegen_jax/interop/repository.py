"""Where a model of theirs is on this machine: nothing is downloaded."""

import os
import pathlib

from codegen_jax.errors import InputError


def folder(path: str) -> pathlib.Path:
  """A folder, or what the cache of huggingface_hub holds of a repository.

  Args:
    path: of a folder, or OWNER/NAME.

  Raises:
    InputError: neither is there.
  """
  found = pathlib.Path(path).expanduser()
  if found.is_dir():
    return found
  if found.exists():
    raise InputError(f"{path} is a file; give the folder that save_pretrained wrote it into")
  cached = _cache() / f"models--{path.replace('/', '--')}"
  head = cached / "refs" / "main"
  if path.count("/") == 1 and head.is_file():
    snapshot = cached / "snapshots" / head.read_text("utf-8").strip()
    if snapshot.is_dir():
      return snapshot
  raise InputError(
    f"{path} is no folder, and {_cache()} holds no such repository; nothing is downloaded here, so"
    f" fetch it first, e.g. huggingface-cli download {path}, or give a folder"
  )


def _cache() -> pathlib.Path:
  """As huggingface_hub looks for it."""
  home = pathlib.Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
  return pathlib.Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
