"""The benchmarks by their names, and what runs some of them over one checkpoint."""

from collections.abc import Callable, Iterator, Mapping, Sequence
import dataclasses
import functools
import hashlib
import json
import pathlib
import time
from typing import Any

from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.did_you_mean import suggestion
from codegen_jax.errors import InputError
from codegen_jax.evaluation import (
  comparison,
  dialogue,
  generation,
  prompt_perplexity,
  ranking,
  results,
)
from codegen_jax.evaluation.benchmark import Comparison, Dialogue, Judged, Problem
from codegen_jax.evaluation.boolq import BoolQ
from codegen_jax.evaluation.defect_detection import DefectDetection
from codegen_jax.evaluation.generated import PREFIX, Generated
from codegen_jax.evaluation.generation import GenerationConfig, Outcome
from codegen_jax.evaluation.humaneval import HumanEval
from codegen_jax.evaluation.humaneval_infilling import FILES, HumanEvalInfilling
from codegen_jax.evaluation.lambada import Lambada
from codegen_jax.evaluation.microeval import MicroEval
from codegen_jax.evaluation.microeval_infilling import MicroEvalInfilling
from codegen_jax.evaluation.microeval_turns import MicroEvalTurns
from codegen_jax.evaluation.mtpb import Mtpb
from codegen_jax.evaluation.piqa import Piqa
from codegen_jax.evaluation.xsum import XSum
from codegen_jax.files import write_json
from codegen_jax.inference.language_model import LanguageModel

HELD_OUT = "held_out"  # bits per byte, measured by `runner`

JUDGED: dict[str, Callable[[str], Judged]] = {
  "humaneval": lambda layout: HumanEval(),
  "microeval": lambda layout: MicroEval(),
  "microeval_infilling": MicroEvalInfilling,
  "microeval_single_turn": lambda layout: MicroEvalTurns(at_once=True),
  "microeval_turns": lambda layout: MicroEvalTurns(),
  "mtpb": lambda layout: Mtpb(),
  "mtpb_single_turn": lambda layout: Mtpb(at_once=True),
  **{f"humaneval_infilling_{kind}": functools.partial(HumanEvalInfilling, kind) for kind in FILES},
}
COMPARISONS: dict[str, Callable[[], Comparison]] = {"xsum": XSum}
RANKINGS: dict[str, Callable[[], ranking.Ranking]] = {
  "lambada_openai": Lambada,
  "piqa": Piqa,
  "boolq": BoolQ,
  "defect_detection": DefectDetection,
}
NAMES = (HELD_OUT, *JUDGED, *COMPARISONS, *RANKINGS)


def check(names: Sequence[str]) -> None:
  """Refuses a name that is none, with the nearest that is."""
  for name in names:
    if name not in NAMES and not _is_comparison(name):
      raise InputError(f"there is no benchmark {name!r}{suggestion(name, NAMES)}")


def ready(names: Sequence[str], config: GenerationConfig) -> None:
  """Whether all that these need is here, before hours go by.

  Raises:
    InputError: a name is none, a file is missing, or there is no sandbox.
  """
  check(names)
  for benchmark, _ in [_asked(name, config) for name in names]:
    if benchmark.name in JUDGED:
      generation.check(benchmark, config)


def run(
  names: Sequence[str],
  workdir: pathlib.Path,
  *,
  model: LanguageModel,
  vocabulary: ByteLevelBPE,
  config: GenerationConfig,
  scored_by: Mapping[str, Any],
  limit: int | None = None,
) -> Iterator[dict[str, Any]]:
  """The results of each benchmark, as they stand in `eval/<name>/<step>/<settings>/results.json`,
  with the name of that folder.

  Answers that are already there are not made again.  What an answer depends on gives the folder
  its name, so answers of other settings, or of other weights, are never mixed up with these.

  Args:
    names: of benchmarks.
    workdir: of the run.
    model: its checkpoint.
    vocabulary: that the model was trained with.
    config: how completions are drawn.
    scored_by: what else the answers depend on, as JSON has it: the run, its network, its mask.
    limit: only so many problems of each, the first ones.

  Raises:
    InputError: a file is missing or empty, or there is nothing to ask; before anything is asked.
  """
  if limit is not None and limit < 1:
    raise InputError(f"--limit is {limit}; give 1 or more")
  config = dataclasses.replace(config, batch_size=model.batch_size(config.batch_size))
  # All files are read first: one that is missing ends a run in its first minute.
  for benchmark, asked in [_asked(name, config) for name in names]:
    begun, name, part = time.monotonic(), benchmark.name, asked[:limit]
    settings = {"step": model.step, **scored_by}
    if name in JUDGED:
      settings |= config.drawn()
    settings |= {"version": benchmark.version, "data_sha256": benchmark.data_sha256()}
    folder = workdir / "eval" / name / str(model.step) / _short(settings)
    folder.mkdir(parents=True, exist_ok=True)
    if name in RANKINGS:
      metrics = ranking.run(
        benchmark, part, model, vocabulary, folder, batch_size=config.batch_size
      )
      told: dict[str, Any] = {}
    elif _is_comparison(name):
      metrics, told = comparison.run(benchmark, part, model, vocabulary, config, folder)
    else:
      outcome = _judged(benchmark, part, model, vocabulary, config, folder)
      metrics, told = outcome.metrics, outcome.told
    result = results.make(
      benchmark, metrics, original=len(asked), effective=len(part), limit=limit,
      seconds=time.monotonic() - begun, settings=settings, told=told,
    )  # fmt: skip
    write_json(folder / "results.json", result)
    yield {**result, "folder": str(folder)}


def _judged(
  benchmark: Any,
  problems: Sequence[Problem],
  model: LanguageModel,
  vocabulary: ByteLevelBPE,
  config: GenerationConfig,
  folder: pathlib.Path,
) -> Outcome:
  generation.check(benchmark, config)
  kind = dialogue if isinstance(benchmark, Dialogue) else generation
  kind.complete(benchmark, problems, model, vocabulary, config, folder)
  outcome = generation.judge(benchmark, problems, config, folder)
  prompts, of_problems = prompt_perplexity.measure(
    benchmark, problems, model, vocabulary, config, folder, outcome.solved
  )
  return dataclasses.replace(
    outcome,
    metrics={**outcome.metrics, **prompts},
    told={**outcome.told, "prompt_perplexity": of_problems},
  )


def _asked(name: str, config: GenerationConfig) -> tuple[Any, list[Any]]:
  """A benchmark and all that it asks."""
  benchmark: Any
  if name in RANKINGS:
    benchmark = RANKINGS[name]()
    asked = benchmark.questions()
  elif _is_comparison(name):
    benchmark = COMPARISONS[name]() if name in COMPARISONS else Generated(name)
    asked = benchmark.problems()
  else:
    benchmark = JUDGED[name](config.layout)
    asked = benchmark.problems()
  if not asked:
    raise InputError(f"the files of {name} hold no problem; get them anew")
  return benchmark, asked


def _is_comparison(name: str) -> bool:
  """One of its own, or a task that is looked up when it is asked for."""
  return name in COMPARISONS or name.startswith(PREFIX)


def _short(settings: Mapping[str, Any]) -> str:
  return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]
