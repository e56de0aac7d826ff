"""The likeliest of each question's own options, by data set and template."""

import numpy as np
import pytest
import seqio

from codegen_jax.data import pipeline
from codegen_jax.data.objectives import Answer, PerFile
from codegen_jax.data.pipeline import DataConfig
from codegen_jax.errors import InputError
from codegen_jax.evaluation import options, runner
from codegen_jax.evaluation.runner import EvalConfig
from tasks import build
from tests.data import toy

SEP = toy.SPECIALS["<sep>"]
A, B, C = b"ABC"


def question(first: int, *answers: list[int]) -> list[int]:
  """Answers are behind a <sep> each, the right one last."""
  return [first, *(token for answer in answers for token in (SEP, *answer))]


# The scorer below finds the answer that begins with the question's token the likeliest.
FIRST = {
  "one/validation:1@1": question(A, [B], [A]),  # right
  "one/validation:2@1": question(A, [B], [A]),  # right
  "one/validation:1@2": question(A, [C], [B], [A]),  # right
  "one/validation:2@2": question(B, [B], [A]),  # wrong
}
SECOND = {"two/validation:1@1": question(B, [B], [C])}  # wrong
# Of each byte the long answer costs less, together it costs more.
LONG = {"long/validation:1@1": question(C, [C], [A, B, B, B, B])}


@pytest.fixture(scope="module", autouse=True)
def tasks():
  made = {"one": FIRST, "two": SECOND, "long": LONG, "none": {"none/x:1@1": question(A, [A])}}
  for name, documents in made.items():
    source = toy.ToySource(f"rank_{name}", {"validation": documents})
    objective = PerFile(Answer(source.vocabulary, choices=True))
    build.add_task(f"toy_{name}_rank", source, objective, level="whole")
  seqio.MixtureRegistry.add("toy_both_rank", [("toy_one_rank", 1), ("toy_two_rank", 1)])
  yield
  for name in made:
    seqio.TaskRegistry.remove(f"toy_{name}_rank")
  seqio.MixtureRegistry.remove("toy_both_rank")


def scorer(batch):
  nats = np.full(batch.inputs.shape, np.nan, np.float32)  # of what is not scored nothing may count
  for row in range(len(nats)):
    for segment in range(1, batch.segment_ids[row].max() + 1):
      here = np.flatnonzero(batch.segment_ids[row] == segment)
      scored = here[batch.loss_mask[row, here]]
      likely = batch.targets[row, scored[0]] == batch.inputs[row, here[0]]
      nats[row, scored] = 1.0 if likely else 0.9 if len(scored) > 2 else 2.0
  return nats, batch.loss_mask


def measure(task: str, *, length: int = 16, batch_size: int = 2, **more):
  config = DataConfig(task, seq_len=length, batch_size=batch_size, split="validation")
  return options.measure(pipeline.Reader(config), scorer, **more)


@pytest.mark.parametrize(("length", "batch_size"), [(16, 2), (9, 1), (60, 16)])
def test_templates_are_averaged_and_data_sets_count_alike(length, batch_size):
  told = measure("toy_both_rank", length=length, batch_size=batch_size)
  assert told["datasets"]["one"] == {
    "mean": 0.75, "best": 1.0, "spread": 0.25, "documents": 4, "templates": {"1": 1.0, "2": 0.5},
  }  # fmt: skip
  assert told["metrics"] == {
    "accuracy": 0.375,
    "accuracy_per_byte": 0.375,
    "best_template": 0.5,
    "template_spread": 0.125,
    "bits_per_byte": pytest.approx(np.mean([1, 1, 1, 2, 2]) / np.log(2)),
  }
  assert told["documents"]["two/validation:1@1"] == ["B", "C"]
  assert told["counts"] == {"documents": 5, "datasets": 2}


def test_long_answers_are_compared_by_the_byte_too():
  told = measure("toy_long_rank")["metrics"]
  assert (told["accuracy"], told["accuracy_per_byte"]) == (0.0, 1.0)


def test_the_runner_measures_questions_with_options_so(tmp_path):
  config = EvalConfig(held_out=("toy_both_rank",), batch_size=2)
  data = DataConfig("toy_both_rank", seq_len=16, batch_size=2)
  (told,) = runner.evaluate(config, tmp_path, data=data, step=3, scorer=scorer).values()
  assert told["metrics"]["accuracy"] == 0.375
  assert (tmp_path / "eval/toy_both_rank/3/results.json").exists()


def test_in_a_row_the_right_answer_alone_is_scored():
  reader = pipeline.Reader(DataConfig("toy_one_rank", seq_len=16, batch_size=1, split="validation"))
  batch = reader.row(0)
  assert {*batch.targets[batch.loss_mask].tolist()} == {A, toy.EOS}
  assert SEP not in batch.inputs


def test_a_question_without_options_is_a_sentence():
  with pytest.raises(InputError, match="none/x:1@1 has no options to choose from"):
    measure("toy_none_rank")
