"""BoolQ: yes or no, given a passage (arXiv 1905.10044)."""

from collections.abc import Sequence
import dataclasses

from codegen_jax.evaluation import choices, data_files
from codegen_jax.evaluation.benchmark import Question
from codegen_jax.evaluation.data_files import DataFile
from codegen_jax.inference.requests import Likelihood

FILE = DataFile(
  "superglue/BoolQ/val.jsonl",
  "0c86a5045886e5795fe9052003873f7d94b88ed3028a33007c51d99e44fd66d9",
  "https://dl.fbaipublicfiles.com/glue/superglue/data/v2/BoolQ.zip",
)


@dataclasses.dataclass(frozen=True)
class BoolQ:
  """lm-eval's `boolq`, on SuperGLUE's validation split."""

  name: str = "boolq"
  version: int = 1
  metrics: tuple[str, ...] = ("acc",)

  def questions(self) -> list[Question]:
    return [
      choices.question(
        str(number),
        f"{row['passage']}\nQuestion: {row['question']}?\nAnswer:",
        ("no", "yes"),
        right=_label(row["label"]),
      )
      for number, row in enumerate(data_files.read_jsonl(FILE.find()))
    ]

  def judge(self, question: Question, likelihoods: Sequence[Likelihood]) -> dict[str, float]:
    return {"acc": choices.judge(question, likelihoods)["acc"]}

  def data_sha256(self) -> dict[str, str]:
    return {FILE.path: data_files.digest(FILE.find())}


def _label(said: bool | str) -> int:
  """SuperGLUE writes true, copies of it "true" or "True"."""
  return int(str(said).lower() == "true")
