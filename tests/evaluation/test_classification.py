"""The likeliest of a few labels, for every text."""

import numpy as np
import pytest
import seqio

from codegen_jax.data import pipeline
from codegen_jax.data.objectives import Answer, PerFile
from codegen_jax.data.pipeline import DataConfig
from codegen_jax.errors import InputError
from codegen_jax.evaluation import classification, runner
from codegen_jax.evaluation.runner import EvalConfig
from tasks import build
from tests.data import toy

SEP = toy.SPECIALS["<sep>"]
A, B, C = b"ABC"
# Six texts; the first token of each says what the scorer below takes for right.
TEXTS = {
  "0.py": [1, 5, SEP, A],
  "1.py": [1, 6, 7, SEP, A],
  "2.py": [2, SEP, A],
  "3.py": [2, 8, SEP, B, C],
  "4.py": [2, 9, SEP, B, C],
  "5.py": [2, 3, 4, 5, 6, 7, SEP, B, C],
}
LABELS = ("A", "BC")


@pytest.fixture(scope="module", autouse=True)
def tasks():
  source = toy.ToySource("labelled", {"train": TEXTS, "validation": TEXTS})
  wrong = toy.ToySource("mislabelled", {"validation": {"x.py": [1, SEP, C]}})
  made = {
    "toy_answer": (source, Answer(source.vocabulary, LABELS)),
    "toy_hidden_answer": (source, Answer(source.vocabulary, LABELS, hidden=True)),
    "toy_wrong_answer": (wrong, Answer(source.vocabulary, LABELS)),
    "toy_alike_answer": (source, Answer(source.vocabulary, ("A", "AB"), hidden=True)),
    "toy_free_answer": (source, Answer(source.vocabulary)),
  }
  for name, (of, objective) in made.items():
    build.add_task(name, of, PerFile(objective), level="whole")
  yield
  for name in made:
    seqio.TaskRegistry.remove(name)


def scorer(batch):
  """1 says A and 2 says BC: a nat for each token of the right one, two for each of the other."""
  nats = np.full(batch.inputs.shape, np.nan, np.float32)  # of what is not scored nothing may count
  for row in range(len(nats)):
    for segment in range(1, batch.segment_ids[row].max() + 1):
      here = np.flatnonzero(batch.segment_ids[row] == segment)
      scored = here[batch.loss_mask[row, here]]
      says_a = batch.targets[row, scored[0]] == A
      likely = says_a == (batch.inputs[row, here[0]] == 1)
      nats[row, scored] = 1.0 if likely else 2.5
  return nats, batch.loss_mask


def measure(task: str, *, length: int = 12, batch_size: int = 2, **more):
  config = DataConfig(task, seq_len=length, batch_size=batch_size, split="validation")
  return classification.measure(pipeline.Reader(config), scorer, **more)


@pytest.mark.parametrize("task", ["toy_answer", "toy_hidden_answer"])
@pytest.mark.parametrize(("length", "batch_size"), [(12, 2), (40, 1), (12, 16)])
def test_accuracy_f1_and_classes_are_counted(task, length, batch_size):
  told = measure(task, length=length, batch_size=batch_size)
  # A: two of three found, nothing else said to be A.  BC: all three found, and one A.
  assert told["metrics"] == {
    "accuracy": pytest.approx(5 / 6),
    "macro_f1": pytest.approx((2 * 2 / 5 + 2 * 3 / 7) / 2),
    "majority": 0.5,
  }
  assert told["counts"] == {
    "documents": 6, "labels": {"A": 3, "BC": 3}, "said": {"A": 2, "BC": 4},
  }  # fmt: skip
  assert told["documents"]["2.py"] == ["BC", "A"] and told["documents"]["3.py"] == ["BC", "BC"]


def test_so_many_documents_are_spread_evenly():
  assert [*measure("toy_answer", max_documents=3)["documents"]] == ["0.py", "2.py", "4.py"]


def test_the_runner_measures_tasks_with_labels_so(tmp_path):
  config = EvalConfig(held_out=("toy_answer",), batch_size=2)
  data = DataConfig("toy_answer", seq_len=12, batch_size=2)
  (told,) = runner.evaluate(config, tmp_path, data=data, step=3, scorer=scorer).values()
  assert told["metrics"]["accuracy"] == pytest.approx(5 / 6)


def test_free_answers_are_measured_in_bits():
  assert not pipeline.Reader(DataConfig("toy_free_answer", seq_len=12, batch_size=2)).labels


@pytest.mark.parametrize(
  ("task", "said"),
  [
    ("toy_wrong_answer", "the answer of x.py is none of the labels A, BC"),
    ("toy_alike_answer", "two of the labels A, AB begin with the same token"),
  ],
)
def test_labels_that_cannot_be_told_apart_are_sentences(task, said):
  with pytest.raises(InputError, match=said):
    measure(task)
