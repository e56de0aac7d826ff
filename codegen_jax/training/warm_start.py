"""A run that begins with another run's weights; its steps, optimizer and data begin at 0."""

import dataclasses
import hashlib
import json
import pathlib
import re
from typing import Any

import jax
from jax.experimental import multihost_utils
import numpy as np

from codegen_jax import did_you_mean
from codegen_jax.checkpoint import manifest
from codegen_jax.checkpoint.steps import steps
from codegen_jax.errors import InputError
from codegen_jax.files import write_json
from codegen_jax.models.config import TransformerConfig
from codegen_jax.training import stored_leaves, taken_leaves
from codegen_jax.training.taken_leaves import Taken
from codegen_jax.types import Params

FILE = "warm_start.json"

# Fields of a model that move no weight's meaning, and those whose other value shows as a shape.
MAY_CHANGE = ("dtype", "param_dtype", "remat", "attention_kernel", "unroll")
SHAPES = ("vocab_size", "embed_dim", "num_layers", "num_heads", "head_dim", "mlp_dim")


@dataclasses.dataclass(frozen=True)
class WarmStartConfig:
  """Whose weights a run begins with.

  Regular expressions match whole names of weights, such as "blocks/mlp/in/kernel".

  Attributes:
    run: workdir of the other run; "" begins with new weights.
    step: which of its checkpoints; 0 is the newest when this run first starts.
    fresh: weights of this model that are made anew, whether or not the other run has them.
    dropped: weights of the other run that this model lacks and that may be left out.
    resize_vocab: whether the number of ids may differ: the rows that both have are taken, the
      others made anew.
  """

  run: str = ""
  step: int = 0
  fresh: tuple[str, ...] = ()
  dropped: tuple[str, ...] = ()
  resize_vocab: bool = False

  def __post_init__(self):
    if self.step < 0:
      raise InputError(f"WarmStartConfig.step is {self.step}; give a step, or 0 for the newest")
    for pattern in (*self.fresh, *self.dropped):
      try:
        re.compile(pattern)
      except re.error as error:
        raise InputError(
          f"{pattern!r} in WarmStartConfig is no regular expression ({error}); it is matched with"
          ' whole names, such as "blocks/mlp/in/kernel"'
        ) from error
    if not self.run and (self.step or self.fresh or self.dropped or self.resize_vocab):
      raise InputError(
        "WarmStartConfig says how to take weights and not from where; set INIT_FROM to the workdir"
        " of the other run, or leave the other fields alone"
      )


@dataclasses.dataclass(frozen=True)
class WarmStart:
  """What is taken from where; no weight is read before `params`."""

  run: str
  step: int
  taken: dict[str, Taken]
  fresh: list[str]
  dropped: list[str]
  config_sha256: str

  @property
  def origins(self) -> dict[str, str]:
    """Where each weight comes from, in words."""
    other = f"step {self.step} of {self.run}"
    told = {name: leaf.origin(other) for name, leaf in self.taken.items()}
    return dict(sorted((told | dict.fromkeys(self.fresh, "fresh")).items()))

  @property
  def summary(self) -> str:
    parts = sum(leaf.axis is not None for leaf in self.taken.values())
    counts = f"{len(self.taken)} of {len(self.origins)} leaves taken"
    counts += f" ({parts} in part)" if parts else ""
    return (
      f"begins from step {self.step} of {self.run}: {counts}, {len(self.fresh)} fresh"
      f" ({FILE} lists them)"
    )

  def record(self, workdir: pathlib.Path) -> None:
    """Writes what is taken, and so keeps the step for a start after a kill."""
    if jax.process_index() == 0:
      told = {"run": self.run, "step": self.step, "config_sha256": self.config_sha256}
      write_json(workdir / FILE, told | {"leaves": self.origins, "dropped": self.dropped})

  def params(self, fresh: Params) -> Params:
    """The weights to begin with.  Those of `fresh` that are replaced are used up.

    Raises:
      InputError: the checkpoint was removed since it was found.
    """
    made = stored_leaves.named(fresh)
    for name, leaf in self.taken.items():
      if leaf.axis is None:
        made[name].delete()  # no weight is held twice
    try:
      read = stored_leaves.read(pathlib.Path(self.run), self.step, self.taken)
    except FileNotFoundError as error:
      raise InputError(
        f"step {self.step} of {self.run} was removed while it was read; raise keep_checkpoints"
        " there, or begin from a step that is kept"
      ) from error
    for name, leaf in self.taken.items():
      made[name] = leaf.joined(read.pop(name), made[name])
    return stored_leaves.unnamed(made)


def find(
  config: WarmStartConfig, workdir: pathlib.Path, model: TransformerConfig, abstract: Params
) -> WarmStart | None:
  """What `workdir` begins with; None for new weights, or when it has a checkpoint of its own.

  Reads no weight, writes nothing.

  Raises:
    InputError: the other run is not there, or its weights are not those of this model.
  """
  if not config.run or steps(workdir / "checkpoints"):
    return None
  told = _config_json(pathlib.Path(config.run))
  _refuse_other_model(config.run, json.loads(told)["model"], model)
  step = _step(config, workdir)
  _refuse_damage(pathlib.Path(config.run) / "checkpoints" / str(step))
  here = stored_leaves.named(abstract)
  there = stored_leaves.stored(pathlib.Path(config.run), step)
  other = f"step {step} of {config.run}"
  taken = taken_leaves.take(
    here, there, other, fresh=config.fresh, resize_vocab=config.resize_vocab
  )
  return WarmStart(
    config.run,
    step,
    taken,
    fresh=sorted(here.keys() - taken.keys()),
    dropped=taken_leaves.dropped_names(config.dropped, there.keys() - here.keys(), other),
    config_sha256=hashlib.sha256(told).hexdigest(),
  )


def _refuse_damage(step: pathlib.Path) -> None:
  found = manifest.faults(step, part=jax.process_index(), of=jax.process_count())
  if found:
    raise InputError(
      f"{step} is damaged: {'; '.join(found[:3])}; set WarmStartConfig.step to another step, or"
      " train that run again, which sets this one aside"
    )


def _config_json(other: pathlib.Path) -> bytes:
  if not other.is_dir():
    siblings = [path.parent.name for path in other.parent.glob("*/config.json")]
    near = did_you_mean.suggestion(other.name, siblings, form=str(other.parent / "{}"))
    raise InputError(f"there is no run {other} to begin from (INIT_FROM){near}")
  path = other / "config.json"
  told = path.read_bytes() if path.exists() else b"{}"
  if "model" not in json.loads(told):
    raise InputError(
      f"{other} has no config.json of a run, so what its weights mean is unknown; set INIT_FROM to"
      " the workdir of a run"
    )
  return told


def _refuse_other_model(run: str, trained: dict[str, Any], model: TransformerConfig) -> None:
  """Shapes do not tell all: another `rotary_dim` fits the same weights and makes them nonsense."""
  changed = [
    f"{name} was {trained.get(name)!r} and is now {value!r}"
    for name, value in dataclasses.asdict(model).items()
    if trained.get(name) != value and name not in (*MAY_CHANGE, *SHAPES)
  ]
  if changed:
    raise InputError(
      f"the weights of {run} would mean something else in this model ({'; '.join(changed)}); set"
      " the same fields of TransformerConfig, or another INIT_FROM"
    )


def _step(config: WarmStartConfig, workdir: pathlib.Path) -> int:
  """The same in every process; the newest stays the one that it was at the first start."""
  found = steps(pathlib.Path(config.run) / "checkpoints")
  if not found:
    raise InputError(f"there is no checkpoint in {config.run} to begin from; train it first")
  pinned = None if config.step else _pinned(config.run, workdir)
  step = config.step or pinned or found[-1]
  if jax.process_count() > 1:  # another may be saved while they look
    step = int(multihost_utils.broadcast_one_to_all(np.int32(step)))
  if step not in found:
    nearest = sorted(sorted(found, key=lambda one: abs(one - step))[:3])
    since = f", from which {workdir} began," if pinned else ""
    anew = f", or delete {workdir / FILE} to begin from the newest" if pinned else ""
    raise InputError(
      f"{config.run} has no checkpoint of step {step}{since} and the nearest are"
      f" {', '.join(map(str, nearest))}; set WarmStartConfig.step to one of these{anew}"
    )
  return step


def _pinned(run: str, workdir: pathlib.Path) -> int | None:
  """The step of an earlier start from this run, which ended before it saved anything."""
  path = workdir / FILE
  told = json.loads(path.read_text()) if path.exists() else {}
  return told["step"] if told.get("run") == run else None
