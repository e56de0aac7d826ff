"""PIQA: which of two ways to reach a goal works (arXiv 1911.11641)."""

from collections.abc import Sequence
import dataclasses

from codegen_jax.errors import InputError
from codegen_jax.evaluation import choices, data_files
from codegen_jax.evaluation.benchmark import Question
from codegen_jax.evaluation.data_files import DataFile
from codegen_jax.inference.requests import Likelihood

SITE = "https://yonatanbisk.com/piqa/data"
QUESTIONS = DataFile(
  "piqa/valid.jsonl",
  "93503cc97c679e459b065c3d13e848282e44b2a25213985bed3e5d458abef72d",
  f"{SITE}/valid.jsonl",
)
LABELS = DataFile(
  "piqa/valid-labels.lst",
  "b4192dc3a2a0363d9d60ccf79800cbbe2f32ebb17726efdde6970e0b8131bceb",
  f"{SITE}/valid-labels.lst",
)


@dataclasses.dataclass(frozen=True)
class Piqa:
  """lm-eval's `piqa`, on the validation split: the labels of the test split are not public."""

  name: str = "piqa"
  version: int = 1
  metrics: tuple[str, ...] = ("acc", "acc_norm")

  def questions(self) -> list[Question]:
    rows = data_files.read_jsonl(QUESTIONS.find())
    labels = LABELS.find().read_text().split()
    if len(rows) != len(labels) or not set(labels) <= {"0", "1"}:
      raise InputError(
        f"{QUESTIONS.path} has {len(rows)} questions and {LABELS.path} {len(labels)} labels of 0 or"
        " 1; get both anew"
      )
    return [
      choices.question(
        str(number),
        f"Question: {row['goal']}\nAnswer:",
        (row["sol1"], row["sol2"]),
        right=int(label),
      )
      for number, (row, label) in enumerate(zip(rows, labels, strict=True))
    ]

  def judge(self, question: Question, likelihoods: Sequence[Likelihood]) -> dict[str, float]:
    return choices.judge(question, likelihoods)

  def data_sha256(self) -> dict[str, str]:
    return {file.path: data_files.digest(file.find()) for file in (QUESTIONS, LABELS)}
