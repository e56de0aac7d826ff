"""What a run's weights can do: from a checkpoint, or while they are trained."""

from collections.abc import Callable, Iterator, Sequence
import dataclasses
import functools
import pathlib
from typing import Any

import jax
from jax.sharding import Mesh

from codegen_jax import partitioning
from codegen_jax.checkpoint.steps import Step
from codegen_jax.data import mixture
from codegen_jax.errors import InputError
from codegen_jax.evaluation import results, runner, suite
from codegen_jax.inference import loading, scoring
from codegen_jax.inference.fingerprint import fingerprint
from codegen_jax.inference.language_model import LanguageModel
from codegen_jax.run_config import RunConfig
from codegen_jax.training import early_stopping
from codegen_jax.types import Params


def held_out(config: RunConfig, workdir: pathlib.Path, step: Step | None = None) -> dict[str, Any]:
  """What HELD_OUT says of a checkpoint, for each of its mixtures."""
  _check_held_out(config)
  step, params, _, mesh = _load(config, workdir, step)
  weights = fingerprint(params)
  return _held_out(config, workdir, step, params, weights, mesh, _score(config, mesh))


def benchmarks(
  config: RunConfig,
  workdir: pathlib.Path,
  names: Sequence[str],
  limit: int | None = None,
  step: Step | None = None,
) -> Iterator[dict[str, Any]]:
  """The results of a checkpoint, benchmark by benchmark."""
  _check_processes(names)
  step, params, _, mesh = _load(config, workdir, step)
  weights = fingerprint(params)
  return _benchmarks(config, workdir, names, _model(config, params, mesh, step), weights, limit)


def load_model(
  config: RunConfig, workdir: pathlib.Path, step: Step | None = None, **options: Any
) -> tuple[LanguageModel, Any]:
  """A checkpoint as a language model, and its vocabulary."""
  vocabulary = _vocabulary(config)
  model = LanguageModel.load(
    workdir, model=config.train.model, attention=config.train.attention,
    partitioning_config=config.train.partitioning, vocabulary=vocabulary,
    step=_step(workdir, step), **options,
  )  # fmt: skip
  return model, vocabulary


def while_training(
  config: RunConfig, workdir: pathlib.Path
) -> Callable[[int, Params, Mesh], dict[str, float]] | None:
  """What `loop.train` evaluates by: BENCHMARKS, as the command `evaluate` measures them.

  Raises:
    InputError: something that is asked for cannot be measured here.
  """
  if not config.train.evaluate_every:
    return None
  names = [name for name in config.evaluation.benchmarks if name != suite.HELD_OUT]
  if asks_held_out := suite.HELD_OUT in config.evaluation.benchmarks:
    _check_held_out(config)
  _check_processes(names)
  suite.ready(names, config.evaluation.generation)
  # Compiled once; weights are not kept, they are in the way of the next step.
  score = functools.cache(lambda mesh: _score(config, mesh))
  model: LanguageModel | None = None

  def evaluate(step: int, params: Params, mesh: Mesh) -> dict[str, float]:
    nonlocal model
    told: dict[str, float] = {}
    weights = fingerprint(params)
    if asks_held_out:
      for name, result in _held_out(
        config, workdir, step, params, weights, mesh, score(mesh)
      ).items():
        told |= {f"{name}/{metric}": value for metric, value in result["metrics"].items()}
    if names:
      model = _model(config, params, mesh, step) if model is None else model.of(params, step=step)
      for result in _benchmarks(config, workdir, names, model, weights):
        told |= {f"{name}/{metric}": value for name, metric, value in results.values(result)}
      model = model.of(None, step=step)
    return told

  return evaluate


def _load(config: RunConfig, workdir: pathlib.Path, step: Step | None) -> loading.Loaded:
  return loading.load(
    workdir, model=config.train.model, partitioning_config=config.train.partitioning,
    step=_step(workdir, step),
  )  # fmt: skip


def _step(workdir: pathlib.Path, step: Step | None) -> int | None:
  return early_stopping.best_step(workdir) if step == "best" else step


def _held_out(
  config: RunConfig,
  workdir: pathlib.Path,
  step: int,
  params: Params,
  weights: str,
  mesh: Mesh,
  score: Callable[..., scoring.Scored],
) -> dict[str, Any]:
  return runner.evaluate(
    dataclasses.replace(config.evaluation, batch_size=_batch_size(config, mesh)),
    workdir,
    data=config.train.data,
    step=step,
    scorer=functools.partial(score, params),
    scored_by=_scored_by(config, weights),
  )


def _score(config: RunConfig, mesh: Mesh) -> Callable[..., scoring.Scored]:
  return scoring.make_score(
    mesh,
    model=config.train.model,
    attention=config.train.attention,
    partitioning_config=config.train.partitioning,
    batch_size=_batch_size(config, mesh),
    loss_chunks=config.train.loss_chunks,
  )


def _batch_size(config: RunConfig, mesh: Mesh) -> int:
  return partitioning.least_rows(mesh, config.evaluation.batch_size)


def _benchmarks(
  config: RunConfig,
  workdir: pathlib.Path,
  names: Sequence[str],
  model: LanguageModel,
  weights: str,
  limit: int | None = None,
) -> Iterator[dict[str, Any]]:
  vocabulary = _vocabulary(config)
  return suite.run(
    names,
    workdir,
    model=model,
    vocabulary=vocabulary,
    config=config.evaluation.generation,
    scored_by=_scored_by(config, weights) | {"vocabulary": vocabulary.fingerprint},
    limit=limit,
  )


def _model(config: RunConfig, params: Params, mesh: Mesh, step: int) -> LanguageModel:
  return LanguageModel(
    params, config.train.model, attention=config.train.attention, vocabulary=_vocabulary(config),
    mesh=mesh, partitioning_config=config.train.partitioning, step=step,
  )  # fmt: skip


def _vocabulary(config: RunConfig) -> Any:
  tasks, _ = mixture.resolve(config.train.data.mixture)
  return mixture.vocabulary(tasks[0])


def _scored_by(config: RunConfig, weights: str) -> dict[str, Any]:
  return {
    "attention": config.train.attention,
    "model": dataclasses.asdict(config.train.model),
    # The same step of another training in this folder is another model.
    "weights": weights,
  }


def _check_held_out(config: RunConfig) -> None:
  if not config.evaluation.held_out:
    raise InputError(
      "there is nothing to evaluate on; name mixtures, e.g."
      " --gin.HELD_OUT=\"('local_code_clm', 'local_prose_clm')\""
    )


def _check_processes(names: Sequence[str]) -> None:
  if names and jax.process_count() > 1:
    raise InputError(
      f"{', '.join(names)}: only held_out is measured by several processes; evaluate the others by"
      " a command of one process, on the run's checkpoint"
    )
