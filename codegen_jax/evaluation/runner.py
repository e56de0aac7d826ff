"""A checkpoint and a list of held-out mixtures in, results.json out."""

from collections.abc import Mapping
import dataclasses
import json
import pathlib
from typing import Any

import jax
from jax.experimental import multihost_utils
import numpy as np

from codegen_jax.data import pipeline
from codegen_jax.data.pipeline import DataConfig
from codegen_jax.errors import InputError
from codegen_jax.evaluation import classification, options, perplexity
from codegen_jax.evaluation.generation import GenerationConfig
from codegen_jax.evaluation.perplexity import DocumentScore
from codegen_jax.files import write_json
from codegen_jax.inference.scoring import Scorer


@dataclasses.dataclass(frozen=True)
class EvalConfig:
  """What a trained model is measured on.

  Every model is scored on the same rows, cut and split by the same draws, whatever its own seed: a
  `*_prefix_lm` mixture scores what follows a prompt, which a causal model reads from left to right
  and a PrefixLM both ways; a `*_clm` mixture scores every token, and there is no prompt to read.

  Attributes:
    held_out: names of tasks or mixtures.
    batch_size: rows scored at once.
    max_rows: at most this many rows of each mixture, spread evenly over its files; 0 is all.
    seed: of the prompts' lengths.
    split: "validation", unless you want to see how well the training text is known.
    benchmarks: names of `suite.NAMES`; "held_out" is what stands above.
    generation: how completions are drawn for them.
  """

  held_out: tuple[str, ...] = ()
  batch_size: int = 16
  max_rows: int = 0
  seed: int = 0
  split: str = "validation"
  benchmarks: tuple[str, ...] = ("held_out",)
  generation: GenerationConfig = GenerationConfig()  # noqa: RUF009 (frozen)

  def __post_init__(self):
    if self.max_rows < 0:
      raise InputError(f"max_rows is {self.max_rows}; it must be at least 1, or 0 for all rows")


def held_out_rows(config: EvalConfig, mixture: str, *, data: DataConfig) -> pipeline.Reader:
  """The rows of one measurement; they depend on the training run only through the row length."""
  return pipeline.Reader(
    DataConfig(
      mixture=mixture,
      seq_len=data.seq_len,
      batch_size=config.batch_size,
      seed=config.seed,
      split=config.split,
      # Also for a model whose training rows were one document: every document has its own score.
      separate_documents=True,
    )
  )


def evaluate(
  config: EvalConfig,
  workdir: pathlib.Path,
  *,
  data: DataConfig,
  step: int,
  scorer: Scorer,
  scored_by: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
  """Measures each held-out mixture once a step; what was already measured is read back.

  Args:
    config: what is measured.
    workdir: of the run.
    data: of the run, for its row length.
    step: of the checkpoint.
    scorer: batch -> nats of each target, and which targets count.
    scored_by: what else the scores depend on, as JSON has it: the network and its mask.

  Returns:
    `{mixture: result}`, each as it stands in `eval/<mixture>/<step>/results.json`.
  """
  asked = {"step": step, "scored_by": dict(scored_by or {})}
  return {
    mixture: _measure(config, workdir, mixture, data=data, asked=asked, scorer=scorer)
    for mixture in config.held_out
  }


def _measure(
  config: EvalConfig,
  workdir: pathlib.Path,
  mixture: str,
  *,
  data: DataConfig,
  asked: Mapping[str, Any],
  scorer: Scorer,
) -> dict[str, Any]:
  reader = held_out_rows(config, mixture, data=data)
  reader.check_attention(asked["scored_by"].get("attention", "causal"))
  settings = {
    "mixture": mixture,
    **asked,
    "seq_len": data.seq_len,
    "data_fingerprint": reader.fingerprint,
    **{name: getattr(config, name) for name in ("max_rows", "seed", "split")},
  }
  path = workdir / "eval" / mixture / str(asked["step"]) / "results.json"
  if _of_process_0(_is_known(path, settings)):
    return json.loads(path.read_text())
  if reader.labels:
    found = classification.measure(reader, scorer, max_documents=config.max_rows)
  elif reader.choices:
    found = options.measure(reader, scorer, max_documents=config.max_rows)
  else:
    found = _bits_per_byte(reader, scorer, max_rows=config.max_rows)
  result = {"settings": settings, **found}
  if jax.process_index() == 0:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, result)
  return result


def _bits_per_byte(reader: pipeline.Reader, scorer: Scorer, *, max_rows: int) -> dict[str, Any]:
  documents = perplexity.score_documents(
    scorer,
    pipeline.in_order(reader, max_rows=max_rows),
    np.asarray(reader.vocabulary.token_num_bytes()),
  )
  counts = _counts(documents)
  if not counts["bytes"]:
    c = reader.config
    raise InputError(f"{c.mixture} scores no text in its split {c.split!r}; choose another")
  return {
    "metrics": {"bits_per_byte": perplexity.bits_per_byte(documents)},
    "counts": counts,
    "languages": {
      name: {"bits_per_byte": perplexity.bits_per_byte(part), **_counts(part)}
      for name, part in perplexity.by_language(documents).items()
    },
    "documents": {path: list(score) for path, score in documents.items()},
  }


def _is_known(path: pathlib.Path, settings: Mapping[str, Any]) -> bool:
  if not path.exists():
    return False
  known = json.loads(path.read_text())
  return known["settings"] == settings


def _of_process_0(answer: bool) -> bool:
  """All processes score, or none does."""
  if jax.process_count() == 1:
    return answer
  return bool(multihost_utils.broadcast_one_to_all(np.array(answer)))


def _counts(documents: Mapping[str, DocumentScore]) -> dict[str, int]:
  return {
    "documents": len(documents),
    "bytes": sum(score.bytes for score in documents.values()),
    "tokens": sum(score.tokens for score in documents.values()),
  }
