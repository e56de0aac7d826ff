"""MicroEval: 200 small functions whose compositions no training function has.

The family is generated (`codegen_jax.data.microeval`), so there is no file to fetch, and a model of
two million parameters answers part of it after minutes of training on `micro_*`.
"""

from collections.abc import Sequence
import dataclasses
import functools
import hashlib

from codegen_jax.data.microeval import functions
from codegen_jax.data.microeval.functions import Function
from codegen_jax.data.special_tokens import END_OF_TEXT
from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.evaluation.benchmark import Problem
from codegen_jax.inference.likelihood import Pair
from codegen_jax.inference.requests import Request
from codegen_jax.inference.settings import SamplingConfig
from codegen_jax.sandbox.verdict import Limits, Program

PROBLEMS = 200
# A body is indented, so a line that begins at the margin is behind it.
STOPS = ("\n\n\n", "\ndef", "\nclass", "\n#", "\n@", '\n"""', "\nassert", "\nprint", "\nif")


@dataclasses.dataclass(frozen=True)
class MicroEval:
  """Functions of held-out compositions, half of two steps, half of three, none twice."""

  name: str = "microeval"
  version: int = 1
  stop_strings: tuple[str, ...] = STOPS
  limits: Limits = Limits()  # noqa: RUF009 (frozen)
  needs: tuple[str, ...] = ()

  def problems(self) -> list[Problem]:
    return [
      Problem(
        f"MicroEval/{number}",
        one.prompt,
        {"solution": one.solution, "test": one.asserts, "steps": len(one.steps)},
      )
      for number, one in enumerate(held_out())
    ]

  def request(self, problem: Problem, sample: int, vocabulary: ByteLevelBPE) -> Request:
    return Request(self.name, problem.id, sample, tuple(vocabulary.encode(problem.prompt)))

  def ending(self, config: SamplingConfig, vocabulary: ByteLevelBPE) -> SamplingConfig:
    return dataclasses.replace(config, stop_strings=self.stop_strings)

  def cut(self, problem: Problem, completion: str) -> str:
    return completion[: min(_found(completion, stop) for stop in self.stop_strings)]

  def program(self, problem: Problem, answer: str) -> Program:
    return Program(f"{problem.prompt}{answer}\n{problem.facts['test']}\n")

  def asked(self, problem: Problem, vocabulary: ByteLevelBPE, before: Sequence[str]) -> list[Pair]:
    return [((vocabulary.special_id(END_OF_TEXT),), tuple(vocabulary.encode(problem.prompt)))]

  def data_sha256(self) -> dict[str, str]:
    told = "\n".join(f"{one.prompt}\n{one.asserts}" for one in held_out())
    return {"microeval": hashlib.sha256(told.encode()).hexdigest()}


@functools.cache
def held_out() -> tuple[Function, ...]:
  """The functions that are asked for."""
  return tuple(functions.distinct("validation", PROBLEMS))


def _found(text: str, stop: str) -> int:
  at = text.find(stop)
  return len(text) if at < 0 else at
