"""train(): the one function that does things in order."""

from collections.abc import Iterator
import contextlib
import dataclasses
import math
import pathlib
import time
from typing import Any

import jax

from codegen_jax import distributed, interrupts, partitioning
from codegen_jax.checkpoint.checkpoints import Checkpoints
from codegen_jax.data import pipeline
from codegen_jax.data.prefetch import prefetch
from codegen_jax.errors import Diverged, InputError, Preempted
from codegen_jax.models.config import TransformerConfig
from codegen_jax.training import cpu_memory, diagnosis, flops, lock, metrics, run_folder, warm_start
from codegen_jax.training import state as train_state
from codegen_jax.training.config import TrainConfig
from codegen_jax.training.evaluations import Evaluate, Evaluations
from codegen_jax.training.goodput import Goodput
from codegen_jax.training.health import Health
from codegen_jax.training.optimizer import OptimizerConfig, schedule
from codegen_jax.training.program import Program, make_program
from codegen_jax.training.progress import Progress
from codegen_jax.training.recorder import COUNTED, Recorder
from codegen_jax.training.state import TrainState
from codegen_jax.training.watchdog import Watchdog
from codegen_jax.types import Batch


def train(
  config: TrainConfig,
  workdir: pathlib.Path,
  *,
  gin_text: str = "",
  label: str = "train",
  evaluate: Evaluate | None = None,
) -> TrainState:
  """Trains until `total_steps`, from the workdir's newest good checkpoint where there is one.

  Args:
    config: of the run.
    workdir: its folder.
    gin_text: what the config was read from; for the folder.
    label: of the live line.
    evaluate: measures the steps that `evaluate_every` says.

  Raises:
    InputError: something the config asks for cannot be; nothing in the workdir was touched.
    Preempted: the machine is being taken away, after a checkpoint.
    Diverged: too many updates in a row were not finite; `diagnosis/` says more.
  """
  began = time.time()
  cpu_memory.keep(config.model.num_params)
  mesh = partitioning.make_mesh(config.partitioning)
  program = make_program(config, mesh)  # refuses a mesh that does not fit
  reader = pipeline.Reader(config.data)
  reader.check_attention(config.attention)
  reader.check_has(config.total_steps * config.data.batch_size)
  check_vocabulary(config.model, reader)
  _check_prompt(config.optimizer, reader)
  other = warm_start.find(config.warm_start, workdir, config.model, program.state.params)

  # One process writes for all: two would drop each other's rows.
  primary = jax.process_index() == 0
  with lock.held(workdir) if primary else contextlib.nullcontext():
    run_folder.prepare(workdir, config, gin_text=gin_text, data=reader.record())
    checkpoints = Checkpoints(workdir / "checkpoints", retention=config.retention)
    state, data = _restore(checkpoints, program.state, reader)
    if state is None:
      state = train_state.create(program.model, program.optimizer, mesh, config.seed)
      if other is not None:
        other.record(workdir)
        state = TrainState(state.step, other.params(state.params), state.opt_state)
    start = int(state.step)
    progress = Progress(label, config.total_steps)
    evaluations = None
    if evaluate and config.evaluate_every:
      evaluations = Evaluations(
        evaluate, config.early_stopping, workdir, mesh, progress, start=start
      )
      if start and config.evaluates(start):
        evaluations.at(start, state.params)
    if start >= config.total_steps or (evaluations and evaluations.stopped):
      progress.note(f"finished at step {start}")
      if evaluations:
        evaluations.close()
      checkpoints.close()
      return state
    if start:
      progress.note(f"continues from step {start}")
    elif other is not None:
      progress.note(other.summary)
    for first, last in config.skip_steps:
      progress.note(f"steps {first} to {last} are jumped over, with their data")
    environment = run_folder.record_environment(workdir)

    shape = (config.data.batch_size, config.data.seq_len)
    steps = [step for step in range(start + 1, config.total_steps + 1) if not config.skips(step)]
    rows = partitioning.local_rows(program.rows, shape)
    local = pipeline.batches(reader, rows, numbers=(step - 1 for step in steps))
    batches = prefetch(local)
    clock = Goodput(workdir, environment, began, writes=primary)
    watchdog = Watchdog(workdir, config.hang_seconds, jax.process_index())
    log = metrics.of_steps(workdir, start_step=start) if primary else None
    recorder = Recorder(
      log,
      progress,
      {name: data.get(name, 0) for name in COUNTED},
      health=Health(config.spike, data.get("health")),
      max_skipped=config.max_skipped,
      rate=schedule(config.optimizer),
      tokens=math.prod(shape),
      flops=flops.flops_per_token(config.model, config.data.seq_len),
      peak=flops.peak_flops(list(mesh.devices.flat)),
    )
    ended, by_metric = start, bool(config.early_stopping.metric)

    @contextlib.contextmanager
    def off_the_clock() -> Iterator[None]:
      with clock.of("evaluate"), watchdog.paused(), recorder.paused():
        yield

    with interrupts.held_back() as interrupt:
      try:
        with partitioning.on(mesh, config.partitioning.rules):
          step_fn = program.step.lower(program.state, program.batch).compile()
        distributed.meet("compiled")
        clock.started(start)
        with watchdog.watching():
          for made, step in enumerate(steps, 1):
            with clock.of("data"):
              batch = _place(next(batches), program, shape)
            if jumped := range(ended + 1, step):
              state = dataclasses.replace(state, step=state.step + len(jumped))
              for without in jumped:
                recorder.jumped(without)
            state, of_step = step_fn(state, batch)
            ended = step
            recorder.add(step, of_step)
            # JAX waits for one number that all processes pass, so no number may be left out.
            preempted = checkpoints.preempted(made)
            finished = step == config.total_steps
            # Asked once a step: a key that is pressed while this step is saved stops the next one.
            interrupted = interrupt.pressed
            # A run that must stop is evaluated by the one that goes on.
            measuring, score = None, None
            if config.evaluates(step) and not (preempted or interrupted):
              measuring = evaluations
            if measuring and by_metric:
              with off_the_clock():
                score = measuring.at(step, state.params)
              finished = finished or measuring.stopped
            # Where there are other processes, they know nothing of it and would not save with us.
            saving = finished or preempted or (interrupted and jax.process_count() == 1)
            saving = saving or step % config.checkpoint_every == 0 or score is not None
            if saving or step % config.log_every == 0:
              recorder.write()
              _tell_spikes(recorder, reader, workdir)
            if saving:
              with clock.of("save"):
                score = score if by_metric else recorder.health.score()
                told = {"next_step": step, "fingerprint": reader.fingerprint, **recorder.state}
                resumed = _resumed(state)
                checkpoints.save(
                  step, params=state.params, opt_state=resumed, data=told, score=score
                )
            if measuring and not by_metric:
              with off_the_clock():
                measuring.at(step, state.params)
            if saving or step % config.log_every == 0:
              clock.write(step)
            watchdog.beat(step)
            if finished or preempted or interrupted:
              break
      except Diverged as error:
        again = next(pipeline.batches(reader, rows, numbers=[error.step - 1]))
        norms = diagnosis.gradient_norms(
          config, program, mesh, state.params, _place(again, program, shape)
        )
        if primary:
          path = diagnosis.write(workdir, reader, error.step, why=str(error), grad_norms=norms)
          progress.note(f"{path} has the documents of this step, and its gradient layer by layer")
        raise
      finally:
        batches.close()
        checkpoints.close()  # waits for a save that is still being written
        clock.write(ended)
        if evaluations:
          evaluations.close()
        if log is not None:
          log.close()
  for (task, why), left in list(reader.left.items()):  # rows may still be read ahead
    progress.note(
      f"documents of {task} that were not changed as drawn: {left.documents}, {why} (the first:"
      f" {left.first})"
    )
  if not finished:
    raise Preempted(step)
  return state


def _place(batch: Batch, program: Program, shape: tuple[int, int]) -> Batch:
  """The rows of this process, as a part of the batch of all."""
  return jax.tree.map(
    lambda x: jax.make_array_from_process_local_data(program.rows, x, shape), batch
  )


def _tell_spikes(recorder: Recorder, reader: pipeline.Reader, workdir: pathlib.Path) -> None:
  spikes, recorder.spikes = recorder.spikes, []
  if jax.process_index() == 0:
    for step in spikes:
      diagnosis.write(workdir, reader, step, why="the loss is a spike")


def _restore(
  checkpoints: Checkpoints, like: TrainState, reader: pipeline.Reader
) -> tuple[TrainState | None, dict[str, Any]]:
  """The newest good checkpoint, if there is one, and what it says of the run until then."""
  latest = checkpoints.newest
  if latest is None:
    return None, {}
  params, resumed, data = checkpoints.restore(latest, params=like.params, opt_state=_resumed(like))
  if data["fingerprint"] != reader.fingerprint:
    raise InputError(
      f"the data of {reader.config.mixture} is not what {checkpoints.folder.parent} was trained on"
      " (its files, its tokenizer or its tasks have changed); give another --workdir, or bring the"
      " old data back"
    )
  state = TrainState(resumed["step"], params, resumed["opt_state"])
  return state, data


def _resumed(state: TrainState) -> dict[str, Any]:
  """What a run needs beside its parameters to go on."""
  return {"step": state.step, "opt_state": state.opt_state}


def check_vocabulary(model: TransformerConfig, reader: pipeline.Reader) -> None:
  """Raises InputError for a vocabulary with more ids than the model has rows."""
  size = reader.vocabulary.vocab_size
  if model.vocab_size < size:
    raise InputError(
      f"the vocabulary of {reader.config.mixture} has {size} ids and the model only"
      f" {model.vocab_size} rows; set TransformerConfig.vocab_size to {size} or more"
    )


def _check_prompt(optimizer: OptimizerConfig, reader: pipeline.Reader) -> None:
  """The rows that are tuned alone are those of the prompt."""
  ids, rows = reader.prompt_ids, optimizer.trained_rows
  wanted = (ids[0], ids[-1] + 1) if ids else None
  if rows is not None and rows != wanted:
    told = (
      f"set OptimizerConfig.trained_rows = {wanted}" if ids else "choose a *_prompted_answer task"
    )
    raise InputError(
      f"trained_rows is {rows}, and {reader.config.mixture} has a prompt in {wanted}; {told}"
    )
