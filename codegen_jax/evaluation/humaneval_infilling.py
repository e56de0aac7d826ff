"""HumanEval-Infilling: solutions with a hole (arXiv 2207.14255)."""

from collections.abc import Sequence
import dataclasses

from codegen_jax.data.vocabulary import ByteLevelBPE
from codegen_jax.errors import InputError
from codegen_jax.evaluation import data_files, holes
from codegen_jax.evaluation.benchmark import Problem
from codegen_jax.evaluation.data_files import DataFile
from codegen_jax.inference import infilling
from codegen_jax.inference.likelihood import Pair
from codegen_jax.inference.requests import Request
from codegen_jax.inference.settings import SamplingConfig
from codegen_jax.sandbox.verdict import Limits, Program

REPOSITORY = "https://github.com/openai/human-eval-infilling/tree/master/data"
FILES = {
  "single_line": DataFile(
    "infilling/HumanEval-SingleLineInfilling.jsonl.gz",
    "1277073e7ddce163ef68598c2bca777f688a53df99422f097e37362090f88e1f",
    REPOSITORY,
  ),
  "multi_line": DataFile(
    "infilling/HumanEval-MultiLineInfilling.jsonl.gz",
    "2f341612eee1d35da1357a4f365e0c0b3ba6e2b62eb491e88aaefa4855af0349",
    REPOSITORY,
  ),
  "random_span": DataFile(
    "infilling/HumanEval-RandomSpanInfilling.jsonl.gz",
    "",  # of this one no copy was at hand
    REPOSITORY,
  ),
  "random_span_light": DataFile(
    "infilling/HumanEval-RandomSpanInfillingLight.jsonl.gz",
    "1432250ecac0cb56e6f97f8faf0970419ef892a98fda7e1f5aa4c4b87209b760",
    REPOSITORY,
  ),
}


@dataclasses.dataclass(frozen=True)
class HumanEvalInfilling:
  """One of its four sets.

  A middle ends at the model's end token and nowhere else, as in CodeGen2 (arXiv 2305.02309); that
  costs models that do not say it, and the share of `unfinished` middles is reported.

  Attributes:
    kind: "single_line", "multi_line", "random_span" or "random_span_light".
    layout: how a model met holes in training: "codegen2", "psm", "spm"; or "left_to_right" for one
      that met none, of single lines.
  """

  kind: str
  layout: str = "codegen2"
  version: int = 1
  stop_strings: tuple[str, ...] = ()
  limits: Limits = Limits()  # noqa: RUF009 (frozen)
  needs: tuple[str, ...] = ()

  def __post_init__(self):
    if self.layout == infilling.LEFT_TO_RIGHT and self.kind != "single_line":
      raise InputError(
        f"{self.name} has holes of several lines, and left to right one line is written; set"
        " INFILL_LAYOUT to the layout that the model learned, or take"
        " humaneval_infilling_single_line"
      )

  @property
  def name(self) -> str:
    return f"humaneval_infilling_{self.kind}"

  def problems(self) -> list[Problem]:
    rows = data_files.read_jsonl(FILES[self.kind].find())
    return [Problem(row["task_id"], row["prompt"], row) for row in rows]

  def request(self, problem: Problem, sample: int, vocabulary: ByteLevelBPE) -> Request:
    return holes.request(problem, sample, vocabulary, benchmark=self.name, layout=self.layout)

  def ending(self, config: SamplingConfig, vocabulary: ByteLevelBPE) -> SamplingConfig:
    return infilling.ending(infilling.layout(self.layout, vocabulary), config)

  def cut(self, problem: Problem, completion: str) -> str:
    return infilling.middle(self.layout, completion)

  def program(self, problem: Problem, answer: str) -> Program:
    facts = problem.facts
    whole = f"{problem.prompt}{answer}{facts['suffix']}"
    return Program(f"{whole}\n{facts['test']}\ncheck({facts['entry_point']})")

  def asked(self, problem: Problem, vocabulary: ByteLevelBPE, before: Sequence[str]) -> list[Pair]:
    return []  # with its sentinels a prompt is no text

  def data_sha256(self) -> dict[str, str]:
    file = FILES[self.kind]
    return {file.path: data_files.digest(file.find())}
