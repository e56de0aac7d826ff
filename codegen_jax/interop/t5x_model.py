"""The Transformer as a model of t5x: t5x trains, scores and samples it; docs/interop.md tells how.

The loss, its gradient and the optimizer are this project's own, whole: `MICROBATCHES` and
`LOSS_CHUNKS` mean what they mean here, and on the same batches both trainers make the same updates.
"""

from collections.abc import Callable, Mapping
from typing import Any

from clu import metrics as clu_metrics
from flax import traverse_util
from flax.core import unfreeze
from flax.linen import partitioning as flax_partitioning
import jax
import jax.numpy as jnp
from jaxtyping import Float
import optax
from t5x import metrics as t5x_metrics
from t5x import models, optimizers

from codegen_jax import partitioning
from codegen_jax.data.pipeline import Reader
from codegen_jax.data.seqio_rows import as_batch
from codegen_jax.errors import InputError
from codegen_jax.inference.settings import SamplingConfig
from codegen_jax.interop import t5x_decoding
from codegen_jax.interop.t5x_rows import RowConverter
from codegen_jax.models import masks
from codegen_jax.models.transformer import Transformer
from codegen_jax.run_config import RunConfig
from codegen_jax.training import loop, losses, state, step
from codegen_jax.training.config import TrainConfig
from codegen_jax.training.optimizer import OptimizerConfig, make_optimizer, schedule
from codegen_jax.types import Array, Batch, Params, PyTree

Measured = dict[str, Array]  # cross_entropy, z_loss (weighted): means; scored: how many targets
GREEDY = SamplingConfig(temperature=0.0)


class CodegenModel(models.BaseTransformerModel):
  """A run of this project, `config`, as t5x asks for it.

  Of the config, t5x's own settings replace the mesh, the compiler's options, checkpoints and logs.
  Weights are drawn by `config.seed`, as they are here; t5x's random seed draws none.

  Args:
    config: the run.
    sampling: how `predict_batch` draws: its temperature, top_k and top_p.

  Raises:
    InputError: the config asks for what t5x's loop does not do, or its data does not fit it.
  """

  FEATURE_CONVERTER_CLS = RowConverter

  def __init__(self, config: TrainConfig, sampling: SamplingConfig = GREEDY):
    _check(config, sampling)
    reader = Reader(config.data)
    reader.check_attention(config.attention)
    reader.check_has(config.total_steps * config.data.batch_size)
    loop.check_vocabulary(config.model, reader)
    self.config, self.sampling = config, sampling
    self._mean_loss, self._eval_loss = _losses(config)
    super().__init__(
      module=Transformer(config.model),
      input_vocabulary=reader.vocabulary,
      output_vocabulary=reader.vocabulary,
      optimizer_def=optimizers.OptaxWrapper(make_optimizer(config.optimizer)),
      z_loss=config.z_loss,
    )

  def get_initial_variables(
    self,
    rng: jax.Array,
    input_shapes: Mapping[str, Any],
    input_types: Mapping[str, Any] | None = None,
  ) -> dict[str, PyTree]:
    """New weights as `params`, and the logical names of their axes as `params_axes`."""
    del rng, input_shapes, input_types  # the weights depend on the config alone
    boxed = state.init_params(self.module, jax.random.key(self.config.seed))
    params, axes = {}, {}
    for path, box in traverse_util.flatten_dict(boxed).items():
      params[path] = box.value
      axes[(*path[:-1], f"{path[-1]}_axes")] = flax_partitioning.AxisMetadata(names=box.names)
    return {
      "params": traverse_util.unflatten_dict(params),
      "params_axes": traverse_util.unflatten_dict(axes),
    }

  def loss_fn(
    self, params: Params, batch: Mapping[str, Array], dropout_rng: jax.Array | None
  ) -> tuple[Float[Array, ""], dict[str, Any]]:
    """What is minimised, a mean over the batch's scored targets, and t5x's metrics.

    Raises:
      InputError: t5x has cut the batch into microbatches, whose means it would add up; or the mesh
        cannot share its rows evenly.
    """
    rows = len(batch["decoder_input_tokens"])
    if rows != self.config.data.batch_size:
      raise InputError(
        f"t5x hands over {rows} rows and BATCH_SIZE is {self.config.data.batch_size}; leave"
        " Trainer.num_microbatches at None and set MICROBATCHES, and DatasetConfig.batch_size to"
        " BATCH_SIZE"
      )
    ways = partitioning.parts("batch") * self.config.microbatches
    if rows % ways:
      raise InputError(
        f"BATCH_SIZE is {rows} rows, which cannot be shared evenly among {ways} (devices x"
        " MICROBATCHES); choose a multiple"
      )
    loss, measured = self._mean_loss(unfreeze(params), batch)
    return loss, _metrics(measured, as_batch(batch))

  def eval_fn(
    self, params: Params, batch: Mapping[str, Array]
  ) -> tuple[Float[Array, ""], dict[str, Any]]:
    """As `loss_fn`, of any number of rows and without a gradient."""
    loss, measured = self._eval_loss(unfreeze(params), batch)
    return loss, _metrics(measured, as_batch(batch))

  def score_batch(
    self, params: Params, batch: Mapping[str, Array], return_intermediates: bool = False
  ) -> Float[Array, " B"] | tuple[Float[Array, " B"], dict[str, Any]]:
    """The log-likelihood of each row's scored targets; on request also of each one, 0 elsewhere."""
    read, params = as_batch(batch), unfreeze(params)
    mask = masks.training_mask(read, self.config.attention)
    hidden: Any = self.module.apply({"params": params}, read.inputs, mask=mask, logits=False)
    chunks = self.config.loss_chunks
    nats = losses.token_nats(hidden, params["head"], read.targets, chunks=chunks)
    scored = masks.scored_targets(read, self.config.attention)
    of_tokens = jnp.where(scored, -nats, 0)
    scores = jnp.sum(of_tokens, axis=-1)
    if not return_intermediates:
      return scores
    told = {"target_tokens": read.targets, "loss_weights": scored, "token_scores": of_tokens}
    return scores, {"decoder": {name: (array,) for name, array in told.items()}}

  def predict_batch_with_aux(
    self,
    params: Params,
    batch: Mapping[str, Array],
    rng: jax.Array | None = None,
    *,
    return_all_decodes: bool = False,
    num_decodes: int = 1,
  ) -> tuple[Array, dict[str, Array]]:
    """What follows the prompt of each row, as `t5x_decoding.complete` says, and its `scores`.

    Returns:
      tokens of shape [B, L] of the likeliest of `num_decodes`, or [B, num_decodes, L] of all, the
      likeliest last; scores of shape [B] or [B, num_decodes].
    """
    tokens, scores = t5x_decoding.complete(
      self.module,
      unfreeze(params),
      as_batch(batch),
      attention=self.config.attention,
      sampling=self.sampling,
      end=self.output_vocabulary.eos_id,
      rng=rng,
      num_decodes=num_decodes,
    )
    if return_all_decodes:
      return tokens, {"scores": scores}
    return tokens[:, -1], {"scores": scores[:, -1]}

  def _compute_logits(
    self,
    params: Params,
    batch: Mapping[str, Array],
    dropout_rng: jax.Array | None = None,
  ) -> Float[Array, "B L V"]:
    read = as_batch(batch)
    mask = masks.training_mask(read, self.config.attention)
    logits: Any = self.module.apply({"params": unfreeze(params)}, read.inputs, mask=mask)
    return logits


def train_config(run: RunConfig) -> TrainConfig:
  """`CodegenModel.config` of a gin file, in which the corpora that an arm names are filled in."""
  return run.train


def mixture(run: RunConfig) -> str:
  """The mixture that it trains on, for t5x's DatasetConfig."""
  return run.train.data.mixture


def learning_rate(config: OptimizerConfig) -> optax.Schedule:
  """t5x's `Trainer.learning_rate_fn`: it logs this, and the optimizer uses the same by itself."""
  return schedule(config)


def _check(config: TrainConfig, sampling: SamplingConfig) -> None:
  """Refuses what would be left out without a word."""
  refused = {
    "INIT_FROM": config.warm_start.run,
    "SKIP_STEPS": config.skip_steps,
    "STOP_BY": config.early_stopping.metric,
    "OptimizerConfig.trained_rows": config.optimizer.trained_rows,
  }
  for name, value in refused.items():
    if value:
      raise InputError(f"{name} is {value!r}, which t5x's loop does not do; leave it out")
  if sampling.num_beams > 1 or sampling.stop_strings or sampling.stop_tokens is not None:
    raise InputError(
      "the sampling config has beams or stops, which predict_batch does not read; give it a"
      " temperature, top_k and top_p alone"
    )


def _losses(config: TrainConfig) -> tuple[Callable[..., Any], Callable[..., Any]]:
  """(params, batch) -> the mean that is minimised, and what was measured: for steps, and for eval.

  The first hands JAX the gradient that `step.make_gradient` makes, microbatches and all.  A batch
  is t5x's, since JAX maps what it differentiates to trees that hold no arrays.
  """
  model = Transformer(config.model)
  gradient = step.make_gradient(
    model,
    attention=config.attention,
    z_loss=config.z_loss,
    microbatches=config.microbatches,
    loss_chunks=config.loss_chunks,
  )
  summed_loss = step.make_summed_loss(
    model, attention=config.attention, z_loss=config.z_loss, loss_chunks=config.loss_chunks
  )

  def eval_loss(params: Params, batch: Mapping[str, Array]) -> tuple[Array, Measured]:
    minimised, loss = summed_loss(params, as_batch(batch))
    scored = jnp.maximum(loss.scored, 1.0)
    return minimised / scored, {
      "cross_entropy": loss.cross_entropy / scored,
      "z_loss": config.z_loss * loss.z_loss / scored,
      "scored": loss.scored,
    }

  def forward(params: Params, batch: Mapping[str, Array]) -> tuple[tuple[Array, Measured], Params]:
    grads, told = gradient(params, as_batch(batch))
    z_loss = config.z_loss * told["z_loss"]
    minimised = told["loss"] + z_loss
    scored = told["scored_tokens"].astype(jnp.float32)
    measured = {"cross_entropy": told["loss"], "z_loss": z_loss, "scored": scored}
    return (minimised, measured), grads

  def backward(grads: Params, cotangents: tuple[Array, Measured]) -> tuple[Params, None]:
    return jax.tree.map(lambda grad: (grad * cotangents[0]).astype(grad.dtype), grads), None

  mean_loss = jax.custom_vjp(eval_loss)
  mean_loss.defvjp(forward, backward)
  return mean_loss, eval_loss


def _metrics(measured: Measured, batch: Batch) -> dict[str, Any]:
  """Under t5x's names, and averaged as it averages: `loss` over steps, per token over tokens."""
  rows, length = batch.inputs.shape
  devices = jax.device_count()
  scored = measured["scored"]
  read = jnp.sum(batch.segment_ids > 0)
  loss = measured["cross_entropy"] + measured["z_loss"]

  def a_step(total: Array) -> Any:
    return t5x_metrics.AveragePerStep(total=total)

  def a_second(number: int | float) -> Any:
    return t5x_metrics.TimeRate.from_model_output(numerator=jnp.asarray(number))

  def fraction(count: Array) -> Any:
    return clu_metrics.Average(total=count, count=jnp.asarray(rows * length))

  return {
    "loss": a_step(loss),
    "cross_ent_loss": a_step(measured["cross_entropy"]),
    "z_loss": a_step(measured["z_loss"]),
    "loss_per_nonpadding_target_token": clu_metrics.Average(total=loss * scored, count=scored),
    "non_padding_fraction/loss_weights": fraction(scored),
    "non_padding_fraction/decoder": fraction(read),
    "timing/seconds": t5x_metrics.Time(),
    "timing/steps_per_second": t5x_metrics.StepsPerTime.from_model_output(),
    "timing/seqs": t5x_metrics.Sum(jnp.asarray(rows)),
    "timing/seqs_per_second": a_second(rows),
    "timing/seqs_per_second_per_core": a_second(rows / devices),
    "timing/target_tokens_per_second": a_second(rows * length),
    "timing/target_tokens_per_second_per_core": a_second(rows * length / devices),
  }
