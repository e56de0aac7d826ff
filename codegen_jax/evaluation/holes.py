"""Problems whose facts have a `suffix`: how a model is asked for what stands before it."""

from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.evaluation.benchmark import Problem
from codegen_jax.inference import infilling
from codegen_jax.inference.requests import Request


def request(
  problem: Problem, sample: int, vocabulary: ByteLevelBPE, *, benchmark: str, layout: str
) -> Request:
  """One middle of a problem, in the layout that the model met holes in."""
  return infilling.request(
    infilling.layout(layout, vocabulary),
    problem.prompt,
    problem.facts["suffix"],
    task=benchmark,
    problem=problem.id,
    sample=sample,
  )
