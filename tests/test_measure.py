"""What is measured while a run trains is what its checkpoints are measured by."""

import json
import pathlib
import shutil

import pytest

from codegen_jax import config as gin_config
from codegen_jax import measure
from codegen_jax.errors import InputError
from codegen_jax.evaluation import choices, suite
from codegen_jax.run_config import RunConfig
from codegen_jax.training import loop
from tasks import local

TOY = [str(pathlib.Path(__file__).parent / "gin" / "toy.gin")]


class Toy:
  """Two questions, of which a model knows nothing."""

  name, version, metrics = "toy", 1, ("acc", "acc_norm")

  def questions(self):
    return [choices.question(str(n), "a b", ("c", "d e"), right=n) for n in range(2)]

  def judge(self, question, likelihoods):
    return choices.judge(question, likelihoods)

  def data_sha256(self):
    return {}


# Benchmarks are asked in text, which the toy vocabulary has none of.
ON_CODE = (
  "MIXTURE = 'local_code_clm'",
  "HELD_OUT = ('local_code_clm', 'local_code_psm_infill')",
  "HELD_OUT_ROWS = 8",
  f"codegen_jax.models.config.TransformerConfig.vocab_size = {local.VOCABULARY.vocab_size}",
)


def config(*bindings: str) -> RunConfig:
  given = ["TOTAL_STEPS = 4", "CHECKPOINT_EVERY = 4", "EVALUATE_EVERY = 2", *bindings]
  return gin_config.load(RunConfig, TOY, given, ()).config


def test_a_step_of_a_run_and_its_checkpoint_have_the_same_numbers(tmp_path, monkeypatch):
  monkeypatch.setitem(suite.RANKINGS, "toy", Toy)
  monkeypatch.setattr(suite, "NAMES", (*suite.NAMES, "toy"))
  asked = config("BENCHMARKS = ('held_out', 'toy')", *ON_CODE)
  loop.train(asked.train, tmp_path, evaluate=measure.while_training(asked, tmp_path))
  rows = [json.loads(line) for line in (tmp_path / "evaluations.jsonl").open()]
  assert [row.pop("step") for row in rows] == [2, 4]
  assert rows[0] != rows[1]
  shutil.rmtree(tmp_path / "eval")  # or the numbers would be read back
  told = measure.held_out(asked, tmp_path)
  (result,) = measure.benchmarks(asked, tmp_path, ["toy"])
  assert rows[1] == {
    **{f"eval/{name}/bits_per_byte": one["metrics"]["bits_per_byte"] for name, one in told.items()},
    **{f"eval/toy/{name}": result["results"]["toy"][f"{name},none"] for name in Toy.metrics},
  }
  assert told["local_code_clm"]["settings"]["step"] == 4


@pytest.mark.parametrize(
  ("bindings", "said"),
  [
    (["HELD_OUT = ()"], "there is nothing to evaluate on"),
    (["BENCHMARKS = ('humanevil',)"], "no benchmark 'humanevil'.*humaneval"),
    (
      ["BENCHMARKS = ('piqa',)"],
      "piqa/valid.jsonl is needed and CODEGEN_JAX_BENCHMARKS is not set",
    ),
  ],
)
def test_what_cannot_be_measured_is_said_before_the_first_step(
  tmp_path, monkeypatch, bindings, said
):
  monkeypatch.delenv("CODEGEN_JAX_BENCHMARKS", raising=False)
  with pytest.raises(InputError, match=said):
    measure.while_training(config(*bindings), tmp_path)


def test_a_run_that_is_not_evaluated_needs_nothing_to_evaluate_on(tmp_path):
  asked = config("EVALUATE_EVERY = 0", "HELD_OUT = ()")
  assert measure.while_training(asked, tmp_path) is None


def test_several_processes_measure_held_out_text_alone(tmp_path, monkeypatch):
  monkeypatch.setattr(measure.jax, "process_count", lambda: 2)
  with pytest.raises(InputError, match="toy, piqa: only held_out is measured by several processes"):
    measure.benchmarks(config(), tmp_path, ["toy", "piqa"])
