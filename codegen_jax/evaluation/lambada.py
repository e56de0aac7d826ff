"""LAMBADA: the last word of a passage (arXiv 1606.06031), in OpenAI's detokenised variant."""

from collections.abc import Sequence
import dataclasses

from codegen_jax.evaluation import data_files
from codegen_jax.evaluation.benchmark import Question
from codegen_jax.evaluation.data_files import DataFile
from codegen_jax.inference.requests import Likelihood

FILE = DataFile(
  "lambada/lambada_test.jsonl",
  "4aa8d02cd17c719165fc8a7887fddd641f43fcafa4b1c806ca8abc31fabdb226",
  "https://openaipublic.blob.core.windows.net/gpt-2/data/lambada_test.jsonl",
)


@dataclasses.dataclass(frozen=True)
class Lambada:
  """lm-eval's `lambada_openai`.

  acc: greedy decoding says the word.  perplexity: of the words, not of their tokens.
  """

  name: str = "lambada_openai"
  version: int = 1
  metrics: tuple[str, ...] = ("acc", "perplexity")

  def questions(self) -> list[Question]:
    rows = data_files.read_jsonl(FILE.find())
    return [_question(number, row["text"]) for number, row in enumerate(rows)]

  def judge(self, question: Question, likelihoods: Sequence[Likelihood]) -> dict[str, float]:
    (word,) = likelihoods
    return {"acc": float(word.is_greedy.all()), "perplexity": float(word.nats.sum(dtype="float64"))}

  def data_sha256(self) -> dict[str, str]:
    return {FILE.path: data_files.digest(FILE.find())}


def _question(number: int, text: str) -> Question:
  context, _, word = text.rpartition(" ")
  return Question(str(number), ((context, f" {word}"),))
