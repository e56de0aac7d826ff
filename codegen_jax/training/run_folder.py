"""The folder of one run: what it was asked, with what it was made, and whose checkpoints it holds.

checkpoints/<step>/  tensorboard/  metrics.jsonl  evaluations.jsonl
config.gin  config.json  data.json  environment.json  warm_start.json
"""

import dataclasses
import importlib.metadata
import json
import os
import pathlib
import platform
import sys
from typing import Any

import jax

import codegen_jax
from codegen_jax import checkout
from codegen_jax.errors import InputError
from codegen_jax.files import write_json, write_text
from codegen_jax.training import lock

# Fields that a run may be continued with under another value: they move no number of the run.
MAY_CHANGE = (
  "partitioning",
  "compiler_options",
  "total_steps",
  "log_every",
  "checkpoint_every",
  "evaluate_every",
  "keep_checkpoints",
  "keep_every",
  "keep_best",
  "max_skipped",
  "spike",
  "hang_seconds",
  "skip_steps",  # of steps to come; the log says which were jumped over
)
LIBRARIES = (
  "jax", "jaxlib", "flax", "optax", "orbax-checkpoint",
  "seqio", "tensorflow", "tokenizers", "numpy",
)  # fmt: skip


def prepare(workdir: pathlib.Path, config: Any, *, gin_text: str, data: dict[str, Any]) -> None:
  """Makes the folder, or sees that what it holds is this very run.

  Raises:
    InputError: it cannot be written, or it holds the checkpoint of another config.
  """
  try:
    workdir.mkdir(parents=True, exist_ok=True)
    told = jsonable(dataclasses.asdict(config))
    _refuse_another_run(workdir, told, data)
    if jax.process_index() == 0:
      write_json(workdir / "config.json", told)
      write_text(workdir / "config.gin", gin_text)
      write_json(workdir / "data.json", data)
  except OSError as error:
    raise lock.unwritable(workdir, error) from error


def record_environment(workdir: pathlib.Path) -> dict[str, Any]:
  """Says what trains here; not called for a run that is finished, which others have trained."""
  told = environment()
  if jax.process_index() == 0:
    write_json(workdir / "environment.json", told)
  return told


def _refuse_another_run(workdir: pathlib.Path, told: dict[str, Any], data: dict[str, Any]) -> None:
  before = workdir / "config.json"
  checkpoints = workdir / "checkpoints"
  if not before.exists() or not checkpoints.is_dir() or not any(checkpoints.iterdir()):
    return
  changed = [
    f"{name} was {old!r} and is now {new!r}"
    for name, old, new in _differences(json.loads(before.read_text()), told)
    if name.split(".")[0] not in MAY_CHANGE
  ]
  if changed:
    raise InputError(
      f"{workdir} holds checkpoints of another config ({'; '.join(changed[:5])}"
      f"{f' and {len(changed) - 5} more' if len(changed) > 5 else ''}); give another --workdir, or"
      " delete this one to start anew"
    )
  known = workdir / "data.json"
  if known.exists() and json.loads(known.read_text())["fingerprint"] != data["fingerprint"]:
    raise InputError(
      f"{workdir} was trained on other data than {data['mixture']} now is (its files, its tokenizer"
      " or its tasks have changed); give another --workdir, or bring the old data back"
    )


def _differences(old: Any, new: Any, name: str = "") -> list[tuple[str, Any, Any]]:
  if isinstance(old, dict) and isinstance(new, dict):
    keys = sorted({*old, *new})
    dotted = [(key, f"{name}.{key}" if name else key) for key in keys]
    return [d for key, path in dotted for d in _differences(old.get(key), new.get(key), path)]
  return [] if old == new else [(name, old, new)]


def environment() -> dict[str, Any]:
  """What made a run: versions, devices, command, commit."""
  devices = jax.devices()
  versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
  return {
    "codegen_jax": codegen_jax.__version__,
    "commit": checkout.commit(),
    "python": platform.python_version(),
    "platform": platform.platform(),
    "cpus": os.cpu_count(),
    "devices": f"{len(devices)} x {devices[0].device_kind}",
    "processes": jax.process_count(),
    "command": [pathlib.Path(sys.argv[0]).name, *sys.argv[1:]],
    **versions,
  }


def jsonable(value: Any) -> Any:
  """What JSON would give back: tuples become lists, so that old and new can be compared."""
  return json.loads(json.dumps(value))
