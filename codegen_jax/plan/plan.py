"""A plan: what a run needs of a topology, and how long it will take there."""

import dataclasses
from typing import Any

from codegen_jax.plan.compiled import Memory, compile_decode_step, compile_train_step
from codegen_jax.plan.estimate import Estimate, estimate
from codegen_jax.plan.topology import Topology
from codegen_jax.training import flops
from codegen_jax.training.config import TrainConfig

METHOD = (
  "The step was compiled by libtpu for this topology and never run.  Memory is the compiler's own"
  " account.  Time adds up XLA's cost of each instruction along the schedule, a model of the torus"
  " for collectives, and for attention the schedules of its kernels; reading data and writing"
  " checkpoints are left out."
)
# MaxText's configs/v4/README.md and configs/v5e/README.md.
ERROR = (
  "MaxText's own programs, through an estimator of this method, beside what MaxText measured and"
  " published: 22B on v4-128 0.60 for 0.57 of peak, 52B on v4-384 0.66 for 0.56, 16B on v5e-256"
  " 0.55 for 0.61, 32B on v5e-256 0.51 for 0.67.  So a measured step may well be a quarter faster"
  " or slower; plans for one kind of machine compare better than that with each other."
)
_DAY = 86_400


@dataclasses.dataclass(frozen=True)
class Plan:
  """What `codegen-jax plan` tells.

  Attributes:
    config: of the run.
    topology: where it would run.
    mesh: devices along each axis.
    memory: of one chip.
    estimate: of one step; None where it does not fit.
    budget: tokens to train on.
  """

  config: TrainConfig
  topology: Topology
  mesh: dict[str, int]
  memory: Memory
  estimate: Estimate | None
  budget: int

  @property
  def tokens_per_step(self) -> int:
    """Padding included."""
    return self.config.data.batch_size * self.config.data.seq_len

  @property
  def tokens_per_second(self) -> float:
    assert self.estimate is not None
    return self.tokens_per_step / self.estimate.seconds

  @property
  def is_causal(self) -> bool:
    """Whether attention reads about half of the keys; a prefix is counted as if it did."""
    return self.config.attention != "bidirectional"

  def utilisation(self, *, whole: bool = False) -> float:
    """Model FLOPs over the peak of all chips; recomputation does not count.

    Attention counts by the half of the keys that a decoder reads, or `whole`.
    """
    config, causal = self.config, self.is_causal and not whole
    per_token = flops.flops_per_token(config.model, config.data.seq_len, causal=causal)
    return per_token * self.tokens_per_second / (self.topology.chips * self.topology.chip.flops)

  @property
  def days(self) -> float:
    """For the budget."""
    return self.budget / self.tokens_per_second / _DAY

  def as_json(self) -> dict[str, Any]:
    """Plain numbers: bytes, seconds, FLOPs."""
    model, data = self.config.model, self.config.data
    told: dict[str, Any] = {
      "topology": str(self.topology),
      "chips": self.topology.chips,
      "mesh": self.mesh,
      "parameters": model.num_params,
      "batch_size": data.batch_size,
      "seq_len": data.seq_len,
      "tokens_per_step": self.tokens_per_step,
      "remat": model.remat,
      "attention_kernel": model.attention_kernel,
      "microbatches": self.config.microbatches,
      "loss_chunks": self.config.loss_chunks,
      "compiler_options": list(self.config.compiler_options),
      "fits": self.memory.fits,
      "memory": dataclasses.asdict(self.memory),
      "method": METHOD,
      "error": ERROR,
    }
    if self.estimate is None:
      return told
    return told | {
      "flops_per_step": flops.flops_per_token(model, data.seq_len, causal=self.is_causal)
      * self.tokens_per_step,
      "estimate": dataclasses.asdict(self.estimate)
      | {"exposed_seconds": self.estimate.exposed_seconds},
      "utilisation": self.utilisation(),
      "utilisation_full_attention": self.utilisation(whole=True),
      "tokens_per_second": self.tokens_per_second,
      "tokens_per_day": self.tokens_per_second * _DAY,
      "budget": self.budget,
      "days": self.days,
      "chip_hours": self.days * 24 * self.topology.chips,
    }


def make_plan(
  config: TrainConfig, topology: Topology, *, budget: int | None = None
) -> tuple[Plan, str | None]:
  """Compiles the step, which takes one to several minutes; also gives the program's text.

  Args:
    config: of the run; its data is not looked at, only its shape.
    topology: where it would run.
    budget: tokens; without one, those of the config's `total_steps`.
  """
  compiled = compile_train_step(config, topology)
  causal = config.attention != "bidirectional"
  told = None if compiled.text is None else estimate(compiled.text, topology, causal=causal)
  if budget is None:
    budget = config.total_steps * config.data.batch_size * config.data.seq_len
  return Plan(config, topology, compiled.mesh, compiled.memory, told, budget), compiled.text


@dataclasses.dataclass(frozen=True)
class DecodePlan:
  """One decoded token for each of some rows, each of which can still read all before it.

  Attributes:
    config: of the run whose weights decode.
    topology: where.
    mesh: devices along each axis.
    memory: of one chip.
    estimate: of one token of all rows; None where it does not fit.
    rows: how many are decoded together.
  """

  config: TrainConfig
  topology: Topology
  mesh: dict[str, int]
  memory: Memory
  estimate: Estimate | None
  rows: int

  def as_json(self) -> dict[str, Any]:
    """Plain numbers: bytes, seconds."""
    told: dict[str, Any] = {
      "topology": str(self.topology),
      "chips": self.topology.chips,
      "mesh": self.mesh,
      "parameters": self.config.model.num_params,
      "rows": self.rows,
      "slots": self.config.data.seq_len,
      "fits": self.memory.fits,
      "memory": dataclasses.asdict(self.memory),
      "method": METHOD,
      "error": ERROR,
    }
    if self.estimate is None:
      return told
    return told | {
      "estimate": dataclasses.asdict(self.estimate)
      | {"exposed_seconds": self.estimate.exposed_seconds},
      "tokens_per_second": self.rows / self.estimate.seconds,
    }


def make_decode_plan(
  config: TrainConfig, topology: Topology, *, rows: int
) -> tuple[DecodePlan, str | None]:
  """Compiles the step that decodes one token; also gives the program's text."""
  compiled = compile_decode_step(config, topology, rows=rows)
  told = None if compiled.text is None else estimate(compiled.text, topology)
  return DecodePlan(config, topology, compiled.mesh, compiled.memory, told, rows), compiled.text
