"""Programs that are asked for a step at a time, by a comment each: what such benchmarks share."""

from collections.abc import Sequence

from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.evaluation import truncation
from codegen_jax.evaluation.benchmark import Problem
from codegen_jax.inference.likelihood import Pair


class Turns:
  """A problem's facts have its `prompts`, a sentence each.

  Attributes:
    at_once: all steps are asked in one comment, and answered together (the paper's single turn).
      No code for it was published; an answer may be as long as those of all turns together.
  """

  at_once: bool

  def turns(self, problem: Problem) -> list[str]:
    """What is asked, step by step, each as a comment of its own."""
    asked = [f"# {prompt}\n" for prompt in problem.facts["prompts"]]
    return ["".join(asked)] if self.at_once else asked

  def history(self, problem: Problem, completions: Sequence[str]) -> str:
    """What was asked and answered so far."""
    text = problem.prompt
    for asked, completion in zip(self.turns(problem), completions, strict=False):
      text += f"{asked}{self.answer(completion)}\n\n"
    return text

  def answer(self, completion: str) -> str:
    """The part of a turn's completion that is kept."""
    return truncation.truncate(completion)

  def cut(self, problem: Problem, completion: str) -> str:
    return completion  # turn by turn, in `history`

  def asked(self, problem: Problem, vocabulary: ByteLevelBPE, before: Sequence[str]) -> list[Pair]:
    return [
      (
        tuple(vocabulary.encode(self.history(problem, before[:turn]))),
        tuple(vocabulary.encode(asked)),
      )
      for turn, asked in enumerate(self.turns(problem))
    ]
