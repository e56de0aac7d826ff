"""A training run, as values."""

import dataclasses

from codegen_jax.checkpoint.retention import Retention
from codegen_jax.data.pipeline import DataConfig
from codegen_jax.errors import InputError
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.masks import Attention
from codegen_jax.partitioning import PartitioningConfig
from codegen_jax.training.optimizer import OptimizerConfig
from codegen_jax.training.warm_start import WarmStartConfig


@dataclasses.dataclass(frozen=True)
class TrainConfig:
  """A training run, whole.

  Attributes:
    attention: "causal", "prefix" or "bidirectional": the mask through which weights are trained.
    total_steps: updates; the schedule has lengths of its own in `optimizer`.
    warm_start: another run's weights to begin with.
    seed: of the weights.  The data's seed is `data.seed`.
    z_loss: weight of the squared log-normaliser (jaxformer: 1e-4).
    microbatches: parts that a batch is split into to save memory; the update stays the same.
    loss_chunks: parts that a row's logits are made in, one at a time; the update stays the same.
    compiler_options: options of XLA for the step, each "name=value", as a kind of machine needs.
    log_every: steps between two readings of the metrics; every step gets its row.
    checkpoint_every: steps between two checkpoints; the last step always gets one.
    evaluate_every: steps between two evaluations, which the last step gets too; 0 is never.
    keep_checkpoints: how many of the newest stay.
    keep_every: checkpoints stay, too, whose step this divides; 0 is none.
    keep_best: so many stay with the lowest mean loss since the checkpoint before; 0 is none.
    max_skipped: updates in a row that may be skipped, because the loss or the gradient is not
      finite, before the run stops.
    spike: a loss is flagged that lies so many standard deviations above those before it.
    skip_steps: ranges of steps, first and last, that are jumped over with their data.
    hang_seconds: a step that takes longer has the stacks of all threads written; 0 is never.
  """

  model: TransformerConfig
  data: DataConfig
  optimizer: OptimizerConfig
  attention: Attention
  total_steps: int
  partitioning: PartitioningConfig = dataclasses.field(default_factory=PartitioningConfig)
  warm_start: WarmStartConfig = dataclasses.field(default_factory=WarmStartConfig)
  seed: int = 0
  z_loss: float = 1e-4
  microbatches: int = 1
  loss_chunks: int = 1
  compiler_options: tuple[str, ...] = ()
  log_every: int = 10
  checkpoint_every: int = 1000
  evaluate_every: int = 0
  keep_checkpoints: int = 3
  keep_every: int = 0
  keep_best: int = 0
  max_skipped: int = 10
  spike: float = 6.0
  skip_steps: tuple[tuple[int, int], ...] = ()
  hang_seconds: float = 1800.0

  def __post_init__(self):
    for name in (
      "total_steps",
      "microbatches",
      "loss_chunks",
      "log_every",
      "checkpoint_every",
      "keep_checkpoints",
      "max_skipped",
    ):
      if getattr(self, name) < 1:
        raise InputError(f"{name} is {getattr(self, name)}; it must be at least 1")
    for name in ("evaluate_every", "keep_every", "keep_best", "spike", "hang_seconds"):
      if getattr(self, name) < 0:
        raise InputError(f"{name} is {getattr(self, name)}; it must be at least 0")
    for first, last in self.skip_steps:
      if not 1 <= first <= last < self.total_steps:
        raise InputError(
          f"skip_steps has {first}:{last}; steps are counted from 1, the first must not come after"
          f" the last, and the run's last one, {self.total_steps}, cannot be skipped"
        )
    for option in self.compiler_options:
      if "=" not in option:
        raise InputError(f"the compiler option {option!r} has no value; write it as 'name=value'")
    if self.data.batch_size % self.microbatches:
      raise InputError(
        f"BATCH_SIZE {self.data.batch_size} cannot be split into {self.microbatches} microbatches;"
        " choose a number that divides it"
      )
    if self.data.seq_len % self.loss_chunks:
      raise InputError(
        f"SEQ_LEN {self.data.seq_len} cannot be cut into {self.loss_chunks} LOSS_CHUNKS; choose a"
        " number that divides it"
      )
    if self.attention == "prefix" and not self.data.separate_documents:
      raise InputError(
        "attention is 'prefix' and separate_documents is False: one file's prefix would look ahead"
        " into the next file's; set separate_documents to True"
      )

  def skips(self, step: int) -> bool:
    """Whether a step is jumped over."""
    return any(first <= step <= last for first, last in self.skip_steps)

  def evaluates(self, step: int) -> bool:
    """Whether a step is evaluated as soon as it is done."""
    every = self.evaluate_every
    return bool(every) and (step % every == 0 or step >= self.total_steps)

  @property
  def retention(self) -> Retention:
    return Retention(last=self.keep_checkpoints, every=self.keep_every, best=self.keep_best)
