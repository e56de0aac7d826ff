"""What a workdir of ours says of its model, read by somebody who did not train it."""

import dataclasses
import json
import pathlib
from typing import Any

from codegen_jax.checkpoint import manifest
from codegen_jax.checkpoint.steps import steps
from codegen_jax.errors import InputError
from codegen_jax.models.config import TransformerConfig

POSITIONS = 2048  # where a config says nothing: CodeGen's


@dataclasses.dataclass(frozen=True)
class Run:
  """A workdir.

  Attributes:
    workdir: the folder.
    step: of the checkpoint that is read.
    model: its shape.
    config: config.json, whole.
    data: data.json; empty where nothing was trained.
  """

  workdir: pathlib.Path
  step: int
  model: TransformerConfig
  config: dict[str, Any]
  data: dict[str, Any]

  @property
  def positions(self) -> int:
    """How long its rows were."""
    return int(self.config.get("data", {}).get("seq_len", POSITIONS))

  @property
  def attention(self) -> str:
    return self.config.get("attention", "causal")

  @property
  def tokenizer(self) -> pathlib.Path | None:
    """Of an imported model; that of a run belongs to its mixture."""
    found = self.workdir / "tokenizer.json"
    return found if found.is_file() else None


def read(workdir: pathlib.Path, step: int | None = None) -> Run:
  """A run and one of its checkpoints, the newest if none is named.

  Raises:
    InputError: it is no workdir, has no such checkpoint, or the checkpoint is damaged.
  """
  config = _json(workdir / "config.json")
  if "model" not in config:
    raise InputError(
      f"{workdir} has no config.json of a run, so what its weights mean is unknown; give a workdir"
      " that `train` or `convert from-hf` made"
    )
  names = {field.name for field in dataclasses.fields(TransformerConfig)}
  if unknown := config["model"].keys() - names:
    raise InputError(
      f"{workdir}/config.json says {min(unknown)!r} of its model, which models here do not have; it"
      " is of another version of this project"
    )
  try:
    model = TransformerConfig(**config["model"])
  except TypeError as error:
    raise InputError(f"{workdir}/config.json does not say all of its model ({error})") from error
  found = steps(workdir / "checkpoints")
  if not found or (step is not None and step not in found):
    has = f"it has {', '.join(map(str, found))}" if found else "it has none; train first"
    asked = "" if step is None else f" of step {step}"
    raise InputError(f"{workdir} has no checkpoint{asked}; {has}")
  step = found[-1] if step is None else step
  if faults := manifest.faults(workdir / "checkpoints" / str(step)):
    raise InputError(
      f"step {step} of {workdir} is damaged: {'; '.join(faults[:3])}; give --step with another one"
    )
  return Run(workdir, step, model, config, _json(workdir / "data.json"))


def _json(path: pathlib.Path) -> dict[str, Any]:
  try:
    return json.loads(path.read_text("utf-8"))
  except FileNotFoundError:
    return {}
  except ValueError as error:
    raise InputError(f"{path} is no JSON ({error})") from error
