"""train(): the one function that does things in order."""

import dataclasses
import itertools
import math
import pathlib
from typing import Any

import jax

from codegen_jax import interrupts, partitioning
from codegen_jax.checkpoint import Checkpoints
from codegen_jax.data import pipeline
from codegen_jax.data.pipeline import DataConfig
from codegen_jax.errors import InputError, Preempted
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.masks import Attention
from codegen_jax.models.transformer import Transformer
from codegen_jax.partitioning import PartitioningConfig
from codegen_jax.training import flops, run_folder
from codegen_jax.training import state as train_state
from codegen_jax.training.metrics import MetricsLog
from codegen_jax.training.optimizer import OptimizerConfig, make_optimizer, schedule
from codegen_jax.training.progress import Progress
from codegen_jax.training.recorder import Recorder
from codegen_jax.training.state import TrainState
from codegen_jax.training.step import make_train_step


@dataclasses.dataclass(frozen=True)
class TrainConfig:
  """A training run, whole.

  Attributes:
    attention: "causal", "prefix" or "bidirectional": the mask through which weights are trained.
    total_steps: updates; the schedule has lengths of its own in `optimizer`.
    seed: of the weights.  The data's seed is `data.seed`.
    z_loss: weight of the squared log-normaliser (jaxformer: 1e-4).
    microbatches: parts that a batch is split into to save memory; the update stays the same.
    loss_chunks: parts that a row's logits are made in, one at a time; the update stays the same.
    log_every: steps between two readings of the metrics; every step gets its row.
    checkpoint_every: steps between two checkpoints; the last step always gets one.
    keep_checkpoints: how many of the newest stay.
  """

  model: TransformerConfig
  data: DataConfig
  optimizer: OptimizerConfig
  attention: Attention
  total_steps: int
  partitioning: PartitioningConfig = dataclasses.field(default_factory=PartitioningConfig)
  seed: int = 0
  z_loss: float = 1e-4
  microbatches: int = 1
  loss_chunks: int = 1
  log_every: int = 10
  checkpoint_every: int = 1000
  keep_checkpoints: int = 3

  def __post_init__(self):
    for name in (
      "total_steps",
      "microbatches",
      "loss_chunks",
      "log_every",
      "checkpoint_every",
      "keep_checkpoints",
    ):
      if getattr(self, name) < 1:
        raise InputError(f"{name} is {getattr(self, name)}; it must be at least 1")
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


def train(
  config: TrainConfig, workdir: pathlib.Path, *, gin_text: str = "", label: str = "train"
) -> TrainState:
  """Trains until `total_steps`, from the workdir's newest checkpoint where there is one.

  Raises:
    InputError: something the config asks for cannot be; nothing in the workdir was touched.
    Preempted: the machine is being taken away, after a checkpoint.
    Diverged: the loss is not finite; the newest checkpoint is from before.
  """
  mesh = partitioning.make_mesh(config.partitioning)
  places = partitioning.batch_sharding(
    mesh, config.data.batch_size, microbatches=config.microbatches
  )
  reader = pipeline.Reader(config.data)
  reader.check_attention(config.attention)
  reader.check_has(config.total_steps * config.data.batch_size)
  _check_vocabulary(config.model, reader)
  model = Transformer(config.model)
  optimizer = make_optimizer(config.optimizer)
  like = train_state.abstract(model, optimizer, mesh)  # refuses a mesh that does not fit

  run_folder.prepare(workdir, config, gin_text=gin_text, data=reader.record())
  checkpoints = Checkpoints(workdir / "checkpoints", keep=config.keep_checkpoints)
  state, totals = _restore(checkpoints, like, reader)
  if state is None:
    state = train_state.create(model, optimizer, mesh, config.seed)
  start = int(state.step)
  progress = Progress(label, config.total_steps)
  if start >= config.total_steps:
    progress.note(f"finished at step {start}")
    checkpoints.close()
    return state
  if start:
    progress.note(f"continues from step {start}")
  run_folder.record_environment(workdir)

  step_fn = jax.jit(
    make_train_step(
      model, optimizer, attention=config.attention, z_loss=config.z_loss,
      microbatches=config.microbatches, loss_chunks=config.loss_chunks,
    ),
    donate_argnums=0,
    out_shardings=(jax.tree.map(lambda x: x.sharding, state), partitioning.replicated(mesh)),
  )  # fmt: skip
  shape = (config.data.batch_size, config.data.seq_len)
  rows = partitioning.local_rows(places, shape)
  batches = pipeline.prefetch(pipeline.batches(reader, rows, skip=start))
  # One process writes for all: two would drop each other's rows.
  log = MetricsLog(workdir, start_step=start) if jax.process_index() == 0 else None
  recorder = Recorder(
    log,
    progress,
    totals,
    rate=schedule(config.optimizer),
    tokens=math.prod(shape),
    flops=flops.flops_per_token(config.model, config.data.seq_len),
    peak=flops.peak_flops(list(mesh.devices.flat)),
  )
  with interrupts.held_back() as interrupt:
    try:
      with partitioning.on(mesh, config.partitioning.rules):
        for step in itertools.count(start + 1):
          batch = jax.tree.map(
            lambda x: jax.make_array_from_process_local_data(places, x, shape), next(batches)
          )
          state, of_step = step_fn(state, batch)
          recorder.add(step, of_step)
          preempted = checkpoints.preempted(step)
          finished = step == config.total_steps
          # Asked once a step: a key that is pressed while this step is saved stops the next one.
          interrupted = interrupt.pressed
          # Where there are other processes, they know nothing of it and would not save with us.
          saving = finished or preempted or (interrupted and jax.process_count() == 1)
          saving = saving or step % config.checkpoint_every == 0
          if saving or step % config.log_every == 0:
            recorder.write()
          if saving:
            data = {"next_step": step, "fingerprint": reader.fingerprint, **recorder.totals}
            checkpoints.save(step, params=state.params, opt_state=_resumed(state), data=data)
          if finished or preempted or interrupted:
            break
    finally:
      batches.close()
      checkpoints.close()  # waits for a save that is still being written
      if log is not None:
        log.close()
  for (task, why), told in list(reader.left.items()):  # rows may still be read ahead
    progress.note(
      f"documents of {task} that were not changed as drawn: {told.documents}, {why} (the first:"
      f" {told.first})"
    )
  if not finished:
    raise Preempted(step)
  return state


def _restore(
  checkpoints: Checkpoints, like: TrainState, reader: pipeline.Reader
) -> tuple[TrainState | None, dict[str, int]]:
  """The newest checkpoint, if there is one, and the tokens seen so far."""
  latest = checkpoints.latest_step()
  if latest is None:
    return None, {"scored_tokens": 0, "all_tokens": 0}
  params, resumed, data = checkpoints.restore(latest, params=like.params, opt_state=_resumed(like))
  if data["fingerprint"] != reader.fingerprint:
    raise InputError(
      f"the data of {reader.config.mixture} is not what {checkpoints.folder.parent} was trained on"
      " (its files, its tokenizer or its tasks have changed); give another --workdir, or bring the"
      " old data back"
    )
  state = TrainState(resumed["step"], params, resumed["opt_state"])
  return state, {name: data[name] for name in ("scored_tokens", "all_tokens")}


def _resumed(state: TrainState) -> dict[str, Any]:
  """What a run needs beside its parameters to go on."""
  return {"step": state.step, "opt_state": state.opt_state}


def _check_vocabulary(model: TransformerConfig, reader: pipeline.Reader) -> None:
  size = reader.vocabulary.vocab_size
  if model.vocab_size < size:
    raise InputError(
      f"the vocabulary of {reader.config.mixture} has {size} ids and the model only"
      f" {model.vocab_size} rows; set TransformerConfig.vocab_size to {size} or more"
    )
