"""What a benchmark is: problems, and what their answers are worth.

Two kinds.  A `Generation` is answered by completions, each of which is worth a program's verdict; a
`Ranking` by how likely given continuations are.
"""

from collections.abc import Mapping, Sequence
import dataclasses
from typing import Any, Protocol, runtime_checkable

from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.inference.requests import Likelihood, Request
from codegen_jax.inference.settings import SamplingConfig
from codegen_jax.sandbox.verdict import Limits, Program


@dataclasses.dataclass(frozen=True)
class Problem:
  """`facts` is what its benchmark needs to judge an answer."""

  id: str
  prompt: str
  facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@runtime_checkable
class Benchmark(Protocol):
  """What both kinds have."""

  @property
  def name(self) -> str:
    """As the command line has it."""

  @property
  def version(self) -> int:
    """Raised when the same model would get other numbers."""

  def data_sha256(self) -> dict[str, str]:
    """Each file that the problems come from, and its hash."""


@runtime_checkable
class Generation(Benchmark, Protocol):
  """Answered by completions, which are cut and then run."""

  @property
  def stop_strings(self) -> Sequence[str]:
    """Text behind one is always cut."""

  @property
  def limits(self) -> Limits:
    """Of the programs."""

  def problems(self) -> list[Problem]:
    """In the order in which they are asked.

    Raises:
      InputError: a file is missing.
    """

  def request(self, problem: Problem, sample: int, vocabulary: ByteLevelBPE) -> Request:
    """One completion of a problem, as the model is asked for it."""

  def ending(self, config: SamplingConfig, vocabulary: ByteLevelBPE) -> SamplingConfig:
    """The same settings with this benchmark's ends of a completion."""

  def cut(self, problem: Problem, completion: str) -> str:
    """The part of a completion that answers."""

  def program(self, problem: Problem, answer: str) -> Program:
    """What passes if the answer is right."""


@dataclasses.dataclass(frozen=True)
class Question:
  """Continuations of contexts, of which a benchmark asks how likely each one is."""

  id: str
  pairs: tuple[tuple[str, str], ...]
  facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@runtime_checkable
class Ranking(Benchmark, Protocol):
  """Answered by likelihoods."""

  @property
  def metrics(self) -> Sequence[str]:
    """Their names."""

  def questions(self) -> list[Question]:
    """In the order in which they are asked.

    Raises:
      InputError: a file is missing.
    """

  def judge(self, question: Question, likelihoods: Sequence[Likelihood]) -> dict[str, float]:
    """Of each metric, what this question adds to its mean."""
