"""The dataclass that a gin file fills: a run and how it is measured."""

import dataclasses
import re
from typing import Any

from codegen_jax.did_you_mean import suggestion
from codegen_jax.errors import InputError
from codegen_jax.evaluation.runner import EvalConfig
from codegen_jax.training.config import TrainConfig

CORPUS = re.compile(r"\{(\w+)\}")


@dataclasses.dataclass(frozen=True)
class RunConfig:
  """What `train` and `evaluate` are given, whole.

  An arm names no corpus, so that the same file serves every scale: its mixture is '{CODE}_clm', and
  here is what CODE stands for.

  Attributes:
    train: the run.
    evaluation: what is measured.
    corpora: {"CODE": "local_code"}, which fills every text of the two.
  """

  train: TrainConfig
  evaluation: EvalConfig
  corpora: dict[str, str] = dataclasses.field(default_factory=dict)

  def __post_init__(self):
    for name in ("train", "evaluation"):
      object.__setattr__(self, name, _filled(getattr(self, name), self.corpora))


def fill(text: str, corpora: dict[str, str]) -> str:
  """'{CODE}_clm' -> 'local_code_clm'.

  Raises:
    InputError: a name stands for no corpus.
  """
  for name in CORPUS.findall(text):
    if name not in corpora:
      near = suggestion(name, corpora, form="{{{}}}")
      raise InputError(
        f"{text!r} names {{{name}}}, which stands for no corpus{near}; known are"
        f" {', '.join(corpora) or 'none'} (RunConfig.corpora)"
      )
  return CORPUS.sub(lambda found: corpora[found[1]], text)


def _filled(value: Any, corpora: dict[str, str]) -> Any:
  if isinstance(value, str):
    return fill(value, corpora)
  if isinstance(value, tuple):
    return tuple(_filled(item, corpora) for item in value)
  if dataclasses.is_dataclass(value) and not isinstance(value, type):
    old = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    new = {name: _filled(item, corpora) for name, item in old.items()}
    changed = {name: item for name, item in new.items() if item != old[name]}
    return dataclasses.replace(value, **changed) if changed else value
  return value
