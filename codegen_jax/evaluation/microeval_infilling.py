"""MicroEval with a line taken out of each solution, as HumanEval-Infilling does it."""

from collections.abc import Sequence
import dataclasses
import functools
import hashlib

from codegen_jax.data.microeval.draws import Draws
from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.evaluation import holes, microeval
from codegen_jax.evaluation.benchmark import Problem
from codegen_jax.inference import infilling
from codegen_jax.inference.likelihood import Pair
from codegen_jax.inference.requests import Request
from codegen_jax.inference.settings import SamplingConfig
from codegen_jax.sandbox.verdict import Limits, Program


@dataclasses.dataclass(frozen=True)
class MicroEvalInfilling:
  """Of MicroEval's functions, those whose bodies have two lines or more, each without one.

      def find_data(data):                  prefix
          '''Keep the even ones, ...'''
          data = [x for x in data if ...]   the middle, with its line break
          return sorted(data)               suffix, which can be empty

  Attributes:
    layout: as `HumanEvalInfilling`'s.
  """

  layout: str = "codegen2"
  name: str = "microeval_infilling"
  version: int = 1
  stop_strings: tuple[str, ...] = ()
  limits: Limits = Limits()  # noqa: RUF009 (frozen)
  needs: tuple[str, ...] = ()

  def problems(self) -> list[Problem]:
    return list(_holes())

  def request(self, problem: Problem, sample: int, vocabulary: ByteLevelBPE) -> Request:
    return holes.request(problem, sample, vocabulary, benchmark=self.name, layout=self.layout)

  def ending(self, config: SamplingConfig, vocabulary: ByteLevelBPE) -> SamplingConfig:
    return infilling.ending(infilling.layout(self.layout, vocabulary), config)

  def cut(self, problem: Problem, completion: str) -> str:
    return infilling.middle(self.layout, completion)

  def program(self, problem: Problem, answer: str) -> Program:
    facts = problem.facts
    return Program(f"{problem.prompt}{answer}{facts['suffix']}\n{facts['test']}\n")

  def asked(self, problem: Problem, vocabulary: ByteLevelBPE, before: Sequence[str]) -> list[Pair]:
    return []  # with its sentinels a prompt is no text

  def data_sha256(self) -> dict[str, str]:
    told = "\n".join(
      f"{one.prompt}\0{one.facts['suffix']}\0{one.facts['test']}" for one in _holes()
    )
    return {"microeval_infilling": hashlib.sha256(told.encode()).hexdigest()}


@functools.cache
def _holes() -> tuple[Problem, ...]:
  holes = []
  for number, one in enumerate(microeval.held_out()):
    first, *lines = f"{one.solution}\n".splitlines(keepends=True)  # the first is a line break
    if len(lines) < 2:
      continue
    hole = Draws(f"hole {number}").below(len(lines))
    facts = {
      "solution": lines[hole],
      "suffix": "".join(lines[hole + 1 :]),
      "test": one.asserts,
      "steps": len(one.steps),
    }
    prefix = one.prompt + first + "".join(lines[:hole])
    holes.append(Problem(f"MicroEvalInfilling/{number}", prefix, facts))
  return tuple(holes)
