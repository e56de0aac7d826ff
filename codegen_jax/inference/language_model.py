"""A checkpoint as a language model: completions of prompts, likelihoods of continuations."""

from collections.abc import Callable, Iterator, Sequence
import copy
import dataclasses
import pathlib
from typing import Any, Literal

import jax
from jax.sharding import Mesh
import numpy as np

from codegen_jax import partitioning
from codegen_jax.errors import InputError
from codegen_jax.inference import batches, beam, lengths, likelihood, loading, programs, sampling
from codegen_jax.inference.decoding import Network
from codegen_jax.inference.requests import Completion, Likelihood, Request
from codegen_jax.inference.rows import Growing, GrowingRows
from codegen_jax.inference.settings import SamplingConfig
from codegen_jax.inference.stopping import Vocabulary
from codegen_jax.models import cache as kv_cache
from codegen_jax.models import layers_apart
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.layers_apart import LayersApart
from codegen_jax.models.masks import Attention
from codegen_jax.models.transformer import Transformer
from codegen_jax.partitioning import PartitioningConfig
from codegen_jax.types import Params

END_OF_TEXT = "<|endoftext|>"
Layers = Literal["stacked", "apart"]
OnText = Callable[[Request, str], None]


def layers_on(platform: str) -> Layers:
  """Where a token is fast: see `LayersApart`."""
  return "stacked" if platform == "tpu" else "apart"


class LanguageModel:
  """Weights that complete and score.  One process; its devices may share the work as a mesh.

  Rotary positions have no end that was learned, so prompts may be of any length; a model that was
  trained on rows of 2048 says little of what lies beyond, and `max_length` refuses that.

  Args:
    params: as `Transformer` has them.
    config: of the network.
    attention: "causal" or "prefix", as it was trained; a PrefixLM reads a prompt both ways.
    vocabulary: for the text of completions.
    mesh: where params lie; None is one device.
    partitioning_config: that the mesh was made by.
    max_length: of prompt and completion together, in tokens; None sets no limit.
    layers: None decides by the platform (`layers_on`).
    chunk: tokens that each row grows by before the host looks at its text.  No text depends on it.
    step: of the checkpoint, for reports.

  Raises:
    InputError: this attention completes nothing.
  """

  def __init__(
    self,
    params: Params,
    config: TransformerConfig,
    *,
    attention: Attention,
    vocabulary: Vocabulary,
    mesh: Mesh | None = None,
    partitioning_config: PartitioningConfig | None = None,
    max_length: int | None = None,
    layers: Layers | None = None,
    chunk: int = 32,
    step: int = 0,
  ):
    if attention == "bidirectional":
      raise InputError(
        "a model with bidirectional attention tells hidden tokens in their places and continues"
        " nothing; use one that was trained with causal or prefix attention"
      )
    if chunk < 1:
      raise InputError(f"chunk is {chunk}; it must be at least 1")
    self.step, self.config, self.vocabulary = step, config, vocabulary
    self._partitioning = partitioning_config or PartitioningConfig(data=1)
    self._mesh = partitioning.make_mesh(self._partitioning) if mesh is None else mesh
    self._max_length, self._chunk = max_length, chunk
    platform = self._mesh.devices.flat[0].platform
    network: Network = Transformer(config)
    self._params: Params | None = params
    self._apart = (layers or layers_on(platform)) == "apart"
    if self._apart:
      self._params, network = layers_apart.apart(params), LayersApart(config)
    order = kv_cache.order_on(platform)
    self._programs = programs.make(network, attention=attention, order=order)
    self._search = beam.make(network, attention=attention, order=order)
    self._score = jax.jit(likelihood.make(network, attention))

  @classmethod
  def load(
    cls,
    workdir: pathlib.Path,
    *,
    model: TransformerConfig,
    attention: Attention,
    partitioning_config: PartitioningConfig,
    vocabulary: Vocabulary,
    step: int | None = None,
    max_length: int | None = None,
    layers: Layers | None = None,
    chunk: int = 32,
  ) -> "LanguageModel":
    """A step of a run, the newest unless one is named.

    Raises:
      InputError: the workdir holds no checkpoint of this model, or the mesh cannot be made.
    """
    loaded = loading.load(workdir, model=model, partitioning_config=partitioning_config, step=step)
    return cls(
      loaded.params, model, attention=attention, vocabulary=vocabulary, mesh=loaded.mesh,
      partitioning_config=partitioning_config, max_length=max_length, layers=layers, chunk=chunk,
      step=loaded.step,
    )  # fmt: skip

  def of(self, params: Params | None, *, step: int) -> "LanguageModel":
    """The same model with other weights, compiled no second time; with None it holds none."""
    other = copy.copy(self)
    other.step = step
    other._params = layers_apart.apart(params) if params and self._apart else params
    return other

  def batch_size(self, least: int) -> int:
    """The smallest batch of at least so many rows that its devices share evenly."""
    return partitioning.least_rows(self._mesh, least, self._partitioning.rules)

  def generate(
    self, requests: Sequence[Request], config: SamplingConfig, *, on_text: OnText | None = None
  ) -> Iterator[Completion]:
    """Completions as they finish, in any order; equal prompts are read once a batch.

    A completion depends on the weights, `config` and the request's own name and prompt: not on the
    other requests, their order, the batch size or where a run was resumed, but for two logits that
    lie within a rounding error of each other (1e-6 of their size).

    Args:
      requests: what is completed.
      config: how.
      on_text: called with each piece of a completion's text as soon as no stop string can take it
        back; all pieces of a request are its text.

    Raises:
      InputError: a prompt is empty or too long, or a mesh does not divide the batch; before
        anything is generated.
    """
    self._check(requests, config)
    stops = self._stop_tokens(config)
    with partitioning.on(self._mesh, self._partitioning.rules):
      ways = partitioning.parts("batch")
    run = self._sample if config.num_beams == 1 else self._beams
    for batch in batches.split(requests, config.batch_size):
      yield from run(batch, config, stops, ways, on_text)

  def log_likelihood(
    self, pairs: Sequence[likelihood.Pair], *, batch_size: int = 16
  ) -> list[Likelihood]:
    """Of each pair (ids of a context, ids of a continuation), what follows given what precedes.

    A PrefixLM reads the context both ways.

    Raises:
      InputError: a context or a continuation is empty or too long, or a mesh does not divide the
        batch.
    """
    likelihood.check(pairs, self._max_length)
    rules = self._partitioning.rules
    partitioning.batch_sharding(self._mesh, batch_size, rules=rules)
    results: list[Likelihood | None] = [None] * len(pairs)
    for numbers in likelihood.split(pairs, batch_size):
      with partitioning.on(self._mesh, rules):
        ways = partitioning.parts("batch")
        num_rows = lengths.rows(len(numbers), most=batch_size, ways=ways)
        rows = likelihood.arrays([pairs[number] for number in numbers], num_rows)
        nats, is_greedy = jax.device_get(self._score(self._params, rows))
      for row, number in enumerate(numbers):
        size = len(pairs[number][1])
        results[number] = Likelihood(nats[row, :size], is_greedy[row, :size])
    return [result for result in results if result is not None]

  def _sample(
    self, batch: list[Request], config: SamplingConfig, stops: np.ndarray, ways: int,
    on_text: OnText | None,
  ) -> Iterator[Completion]:  # fmt: skip
    given = batches.arrays(batch, batch_size=config.batch_size, ways=ways)
    drawn: dict[str, Any] = {
      "numbers": sampling.numbers(config),
      "kind": sampling.kind(config),
      "stop_tokens": stops,
    }
    growing = GrowingRows(batch, self.vocabulary, config, stops.tolist())
    slots = given.prompts.shape[1] + config.max_new_tokens - 1
    with self._on_mesh():
      rows, made = self._programs.begin(
        self._params, *given, np.uint32(config.seed), slots=slots, **drawn
      )
    while True:
      for row in growing.add(made):
        if on_text and (text := row.text.news(finished=row.ended is not None)):
          on_text(row.request, text)
        if row.ended:
          yield row.completion()
      done = growing.done(len(given.done))
      if done.all():
        return
      with self._on_mesh():
        rows = dataclasses.replace(rows, done=done)
        rows, made = self._programs.go_on(
          self._params, rows, np.int32(config.max_new_tokens), chunk=self._chunk, **drawn
        )

  def _on_mesh(self):
    """Not around a yield: what is in force would stay so for whoever reads the completions."""
    return partitioning.on(self._mesh, self._partitioning.rules)

  def _beams(
    self, batch: list[Request], config: SamplingConfig, stops: np.ndarray, ways: int,
    on_text: OnText | None,
  ) -> Iterator[Completion]:  # fmt: skip
    """The searches for a batch of requests; sample k of a problem is the k-th best beam."""
    reads = list(dict.fromkeys(map(batches.read, batch)))
    at_once = max(config.batch_size // config.num_beams // ways, 1) * ways
    for first in range(0, len(reads), at_once):
      part = reads[first : first + at_once]
      asked = [request for request in batch if batches.read(request) in part]
      given = batches.arrays(asked, batch_size=at_once, ways=ways)
      with self._on_mesh():
        found = self._search(
          self._params, *given[:3], stops,
          np.float32(config.length_penalty), num_beams=config.num_beams,
          max_new_tokens=config.max_new_tokens,
        )  # fmt: skip
        found = jax.device_get(found)
      for number, request in enumerate(asked):
        row = Growing(request, self.vocabulary, config, stops.tolist())
        row.add_all(*(x[given.source[number], request.sample] for x in found[:2]))
        if on_text:
          on_text(request, row.text.news(finished=True))
        yield row.completion()

  def _stop_tokens(self, config: SamplingConfig) -> np.ndarray:
    stops = config.stop_tokens
    if stops is None:
      stops = (self.vocabulary.special_id(END_OF_TEXT),)
    return np.array(stops, np.int32)

  def _check(self, requests: Sequence[Request], config: SamplingConfig) -> None:
    partitioning.batch_sharding(self._mesh, config.batch_size, rules=self._partitioning.rules)
    for request in requests:
      name = f"the prompt of {request.task} {request.problem}"
      if not request.prompt:
        raise InputError(f"{name} is empty; begin it with <|endoftext|>")
      if not 0 <= batches.read(request)[1] <= len(request.prompt):
        raise InputError(
          f"{name} has {len(request.prompt)} tokens, and both_ways is {request.both_ways}; it is a"
          " number of these tokens"
        )
      wanted = len(request.prompt) + config.max_new_tokens
      if self._max_length is not None and wanted > self._max_length:
        raise InputError(
          f"{name} has {len(request.prompt)} tokens, with {config.max_new_tokens} new ones more"
          f" than max_length ({self._max_length}); cut the prompt or ask for fewer"
        )
      if not 0 <= request.sample < 2**32:
        raise InputError(f"sample number {request.sample} of {name}; count samples from 0")
      if request.sample >= config.num_beams > 1:
        raise InputError(
          f"sample number {request.sample} of {name} is asked of {config.num_beams} beams; sample k"
          " is the k-th best beam, counted from 0, so search with more beams"
        )
