"""CodeXGLUE's defect detection: whether a C function is insecure (arXiv 2102.04664, 1909.03496)."""

from collections.abc import Sequence
import dataclasses

from codegen_jax.evaluation import choices, data_files
from codegen_jax.evaluation.benchmark import Question
from codegen_jax.evaluation.data_files import DataFile
from codegen_jax.inference.requests import Likelihood

FILE = DataFile(
  "codexglue_defect/test.jsonl.gz",
  "bc29abe7f47d479506debed5f5ae203827c1ff9f52c1981cdf7b911c0fa8909f",
  "https://github.com/microsoft/CodeXGLUE/tree/main/Code-Code/Defect-detection (the test split as"
  " its preprocess.py writes it, packed by gzip)",
)
LONGEST = 4000  # characters of a function that are read; 11 % of them have more


@dataclasses.dataclass(frozen=True)
class DefectDetection:
  """Asked without an example, on the test split, of which 54 % are harmless.

  The papers fine-tune for it, with settings that are not known; the words of this question are
  ours.  Blank lines are left out: the published functions have one after every line.
  """

  name: str = "defect_detection"
  version: int = 1
  metrics: tuple[str, ...] = ("acc",)

  def questions(self) -> list[Question]:
    return [
      choices.question(
        str(row["idx"]),
        f"{_read(row['func'])}\n\nQuestion: Is this function vulnerable?\nAnswer:",
        ("no", "yes"),
        right=int(row["target"]),
      )
      for row in data_files.read_jsonl(FILE.find())
    ]

  def judge(self, question: Question, likelihoods: Sequence[Likelihood]) -> dict[str, float]:
    return {"acc": choices.judge(question, likelihoods)["acc"]}

  def data_sha256(self) -> dict[str, str]:
    return {FILE.path: data_files.digest(FILE.find())}


def _read(function: str) -> str:
  return "\n".join(line for line in function.splitlines() if line.strip())[:LONGEST]
