"""What a benchmark is: problems, and what their answers are worth.

Four kinds.  A `Generation` is answered by completions, each of which is worth a program's verdict;
a `Dialogue` by several in turn, which make one program; a `Comparison` by completions that are
compared with what people wrote; a `Ranking` by how likely given continuations are.
"""

from collections.abc import Mapping, Sequence
import dataclasses
from typing import Any, Protocol, runtime_checkable

from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.inference.likelihood import Pair
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
  """What all kinds have."""

  @property
  def name(self) -> str:
    """As the command line has it."""

  @property
  def version(self) -> int:
    """Raised when the same model would get other numbers."""

  def data_sha256(self) -> dict[str, str]:
    """Each file that the problems come from, and its hash."""


@runtime_checkable
class Written(Benchmark, Protocol):
  """Answered in text."""

  @property
  def stop_strings(self) -> Sequence[str]:
    """Text behind one is always cut."""

  def problems(self) -> list[Problem]:
    """In the order in which they are asked.

    Raises:
      InputError: a file is missing.
    """

  def cut(self, problem: Problem, completion: str) -> str:
    """The part of a completion that answers."""


@runtime_checkable
class AtOnce(Written, Protocol):
  """Answered by one completion each."""

  def request(self, problem: Problem, sample: int, vocabulary: ByteLevelBPE) -> Request:
    """One completion of a problem, as the model is asked for it."""

  def ending(self, config: SamplingConfig, vocabulary: ByteLevelBPE) -> SamplingConfig:
    """The same settings with this benchmark's ends of a completion."""


@runtime_checkable
class Judged(Written, Protocol):
  """Answered by programs, which are run."""

  @property
  def limits(self) -> Limits:
    """Of the programs."""

  @property
  def needs(self) -> Sequence[str]:
    """Modules beyond Python's own that programs import."""

  def program(self, problem: Problem, answer: str) -> Program:
    """What passes if the answer is right."""

  def asked(self, problem: Problem, vocabulary: ByteLevelBPE, before: Sequence[str]) -> list[Pair]:
    """What precedes and what is asked, in ids, whose perplexity is worth telling; or nothing.

    `before` are the completions of a sample, for a benchmark whose later prompts follow them.
    """


@runtime_checkable
class Generation(Judged, AtOnce, Protocol):
  """Each completion is a program, or a part of one."""


@runtime_checkable
class Dialogue(Judged, Protocol):
  """Answered a step at a time.  A problem's facts say how `longest` an answer may be, in tokens."""

  def turns(self, problem: Problem) -> list[str]:
    """What is asked, in order."""

  def history(self, problem: Problem, completions: Sequence[str]) -> str:
    """What was asked and answered so far; after the last turn it is the program."""


@runtime_checkable
class Comparison(AtOnce, Protocol):
  """Each completion is as good as it is like what a person wrote."""

  @property
  def metrics(self) -> Sequence[str]:
    """Their names."""

  @property
  def n_shot(self) -> int:
    """Examples in a prompt."""

  def score(self, problem: Problem, answer: str) -> dict[str, float]:
    """Of each metric, what this problem adds to its mean."""


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
