"""Completions of problems that are asked a step at a time, each after the answers before it.

turns.jsonl         every answer, as the model gave it, added as they come; a rerun goes on
completions.jsonl   whole histories, as `generation` judges them
"""

from collections.abc import Iterator, Sequence
import dataclasses
import itertools
import pathlib

from codegen_jax.countdown import Countdown
from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.evaluation import generation
from codegen_jax.evaluation.benchmark import Dialogue, Problem
from codegen_jax.evaluation.generation import COMPLETIONS, GenerationConfig, key
from codegen_jax.evaluation.records import Records, Row
from codegen_jax.inference.language_model import LanguageModel
from codegen_jax.inference.requests import Request

TURNS = "turns.jsonl"


def complete(
  benchmark: Dialogue,
  problems: Sequence[Problem],
  model: LanguageModel,
  vocabulary: ByteLevelBPE,
  config: GenerationConfig,
  folder: pathlib.Path,
) -> None:
  """Makes what is missing in `folder`: the first turn of every problem, then the second, and on.

  Raises:
    InputError: a prompt cannot be read.
  """
  with Records(folder / TURNS, turn_key) as made:
    for temperature in config.temperatures:
      _turns(benchmark, problems, model, vocabulary, config, temperature, made)
    with Records(folder / COMPLETIONS, key) as whole:
      for temperature, problem, sample in itertools.product(
        config.temperatures, problems, range(config.samples)
      ):
        if (temperature, problem.id, sample) not in whole.rows:
          rows = answers(benchmark, problem, temperature, sample, made)
          whole.add({
            "task_id": problem.id,
            "sample": sample,
            "temperature": temperature,
            "completion": benchmark.history(problem, [row["completion"] for row in rows]),
            "ended": "length" if any(row["ended"] == "length" for row in rows) else "turns",
            "tokens": sum(row["tokens"] for row in rows),
            "log_prob": sum(row["log_prob"] for row in rows),
          })  # fmt: skip


def turn_key(row: Row) -> tuple[float, str, int, int]:
  return (*key(row), row["turn"])


def _turns(
  benchmark: Dialogue,
  problems: Sequence[Problem],
  model: LanguageModel,
  vocabulary: ByteLevelBPE,
  config: GenerationConfig,
  temperature: float,
  made: Records,
) -> None:
  left = list(_left(benchmark, problems, config, temperature, made))
  countdown = Countdown(f"{benchmark.name}  turns at t={temperature:g}", len(left))
  # Those of one length are asked together, and no turn before the one that it follows.
  left.sort(key=lambda one: (one[2], one[0].facts["longest"]))
  for (turn, longest), group in itertools.groupby(
    left, lambda one: (one[2], one[0].facts["longest"])
  ):
    asked = {}
    for problem, sample, _ in group:
      before = answers(benchmark, problem, temperature, sample, made)[:turn]
      history = benchmark.history(problem, [row["completion"] for row in before])
      text = history + benchmark.turns(problem)[turn]
      name = f"{problem.id}/{turn}"
      asked[name, sample] = (
        problem,
        Request(benchmark.name, name, sample, tuple(vocabulary.encode(text))),
      )
    sampling = dataclasses.replace(
      config.sampling(temperature), max_new_tokens=longest, stop_strings=benchmark.stop_strings
    )
    for completion in model.generate([request for _, request in asked.values()], sampling):
      problem, _ = asked[completion.request.problem, completion.request.sample]
      made.add({**generation.row(completion, problem.id, temperature), "turn": turn})
      countdown.add()


def _left(
  benchmark: Dialogue,
  problems: Sequence[Problem],
  config: GenerationConfig,
  temperature: float,
  made: Records,
) -> Iterator[tuple[Problem, int, int]]:
  for problem, sample in itertools.product(problems, range(config.samples)):
    for turn in range(len(benchmark.turns(problem))):
      if (temperature, problem.id, sample, turn) not in made.rows:
        yield problem, sample, turn


def answers(
  benchmark: Dialogue, problem: Problem, temperature: float, sample: int, made: Records
) -> list[Row]:
  """Of the turns so far."""
  keys = ((temperature, problem.id, sample, t) for t in range(len(benchmark.turns(problem))))
  return [made.rows[one] for one in keys if one in made.rows]
