"""train(): the one function that does things in order."""

import itertools
import math
import pathlib
from typing import Any

import jax

from codegen_jax import distributed, interrupts, partitioning
from codegen_jax.checkpoint import Checkpoints
from codegen_jax.data import pipeline
from codegen_jax.errors import InputError, Preempted
from codegen_jax.models.config import TransformerConfig
from codegen_jax.training import cpu_memory, flops, run_folder, warm_start
from codegen_jax.training import state as train_state
from codegen_jax.training.config import TrainConfig
from codegen_jax.training.metrics import MetricsLog
from codegen_jax.training.optimizer import schedule
from codegen_jax.training.program import make_program
from codegen_jax.training.progress import Progress
from codegen_jax.training.recorder import Recorder
from codegen_jax.training.state import TrainState


def train(
  config: TrainConfig, workdir: pathlib.Path, *, gin_text: str = "", label: str = "train"
) -> TrainState:
  """Trains until `total_steps`, from the workdir's newest checkpoint where there is one.

  Raises:
    InputError: something the config asks for cannot be; nothing in the workdir was touched.
    Preempted: the machine is being taken away, after a checkpoint.
    Diverged: the loss is not finite; the newest checkpoint is from before.
  """
  cpu_memory.keep(config.model.num_params)
  mesh = partitioning.make_mesh(config.partitioning)
  program = make_program(config, mesh)  # refuses a mesh that does not fit
  reader = pipeline.Reader(config.data)
  reader.check_attention(config.attention)
  reader.check_has(config.total_steps * config.data.batch_size)
  _check_vocabulary(config.model, reader)
  other = warm_start.find(config.warm_start, workdir, config.model, program.state.params)

  run_folder.prepare(workdir, config, gin_text=gin_text, data=reader.record())
  checkpoints = Checkpoints(workdir / "checkpoints", keep=config.keep_checkpoints)
  state, totals = _restore(checkpoints, program.state, reader)
  if state is None:
    state = train_state.create(program.model, program.optimizer, mesh, config.seed)
    if other is not None:
      other.record(workdir)
      state = TrainState(state.step, other.params(state.params), state.opt_state)
  start = int(state.step)
  progress = Progress(label, config.total_steps)
  if start >= config.total_steps:
    progress.note(f"finished at step {start}")
    checkpoints.close()
    return state
  if start:
    progress.note(f"continues from step {start}")
  elif other is not None:
    progress.note(other.summary)
  run_folder.record_environment(workdir)

  shape = (config.data.batch_size, config.data.seq_len)
  rows = partitioning.local_rows(program.rows, shape)
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
        step_fn = program.step.lower(program.state, program.batch).compile()
        distributed.meet("compiled")
        for step in itertools.count(start + 1):
          batch = jax.tree.map(
            lambda x: jax.make_array_from_process_local_data(program.rows, x, shape), next(batches)
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
