"""The dataclass that a gin file fills: a run and how it is measured."""

import dataclasses

from codegen_jax.evaluation.runner import EvalConfig
from codegen_jax.training.config import TrainConfig


@dataclasses.dataclass(frozen=True)
class RunConfig:
  """What `train` and `evaluate` are given, whole."""

  train: TrainConfig
  evaluation: EvalConfig
