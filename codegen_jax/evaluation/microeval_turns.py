"""MicroEval asked as MTPB asks: a comment for each step, answered in turn or all at once."""

from collections.abc import Sequence
import dataclasses
import hashlib

from codegen_jax.data.microeval import scripts
from codegen_jax.data.special_tokens import END_OF_TEXT
from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.evaluation import truncation
from codegen_jax.evaluation.benchmark import Problem
from codegen_jax.evaluation.turns import Turns
from codegen_jax.inference.likelihood import Pair
from codegen_jax.sandbox.verdict import Limits, Program

PROBLEMS = 200
LONGEST = 64  # tokens of a turn's answer

_PRELUDE = """
printed = []
shared = {"print": lambda *values: printed.append(values)}
"""


@dataclasses.dataclass(frozen=True)
class MicroEvalTurns(Turns):
  """Scripts of held-out compositions (`data/microeval/scripts.py`), half of them of two steps."""

  at_once: bool = False
  version: int = 1
  stop_strings: tuple[str, ...] = truncation.STOPS
  limits: Limits = Limits()  # noqa: RUF009 (frozen)
  needs: tuple[str, ...] = ()

  @property
  def name(self) -> str:
    return "microeval_single_turn" if self.at_once else "microeval_turns"

  def problems(self) -> list[Problem]:
    return [
      Problem(
        f"MicroEvalTurns/{number}",
        "",
        {
          "prompts": one.asked,
          "answers": one.answers,
          "printed": one.printed,
          "longest": LONGEST * len(one.asked) if self.at_once else LONGEST,
        },
      )
      for number, one in enumerate(scripts.held_out(PROBLEMS))
    ]

  def answer(self, completion: str) -> str:
    # One empty line lies between a turn and the next wherever the model has met turns.
    return super().answer(completion).rstrip("\n")

  def asked(self, problem: Problem, vocabulary: ByteLevelBPE, before: Sequence[str]) -> list[Pair]:
    (_, first), *others = super().asked(problem, vocabulary, before)
    return [((vocabulary.special_id(END_OF_TEXT),), first), *others]

  def program(self, problem: Problem, answer: str) -> Program:
    return Program(
      answer,
      prelude=_PRELUDE,
      postlude=f"assert printed[-1:] == [({problem.facts['printed']!r},)]",
    )

  def data_sha256(self) -> dict[str, str]:
    told = "\n".join(f"{one.asked} {one.printed!r}" for one in scripts.held_out(PROBLEMS))
    return {self.name: hashlib.sha256(told.encode()).hexdigest()}
