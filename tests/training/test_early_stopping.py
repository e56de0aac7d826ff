"""A run that ends when what is measured gets no better."""

import dataclasses
import json

import pytest

from codegen_jax.checkpoint.steps import steps
from codegen_jax.errors import InputError
from codegen_jax.inference import loading
from codegen_jax.training import early_stopping, loop
from codegen_jax.training.early_stopping import EarlyStopping, EarlyStoppingConfig
from tests.training.test_loop import CONFIG

ACCURACY = EarlyStoppingConfig("toy/accuracy", patience=2)
EVERY_STEP = dataclasses.replace(
  CONFIG, evaluate_every=1, total_steps=9, early_stopping=ACCURACY, keep_best=1, keep_checkpoints=1
)


def seen(metric: str, *values: float, patience: int = 2) -> EarlyStopping:
  stopping = EarlyStopping(EarlyStoppingConfig(metric, patience))
  for step, value in enumerate(values, 1):
    assert not stopping.stopped
    stopping.see(step, {metric: value, "other": 0.0})
  return stopping


@pytest.mark.parametrize(
  ("metric", "sign"),
  [
    ("a/accuracy", 1),
    ("humaneval/pass@1 best", 1),
    ("a/bits_per_byte", -1),
    ("lambada_openai/perplexity", -1),
    ("mtpb/prompt_perplexity pass t=0.2", -1),
  ],
)
def test_patience_counts_from_the_best(metric, sign):
  rising = seen(metric, *(sign * value for value in (1.0, 2.0, 1.5, 3.0, 2.5)))
  assert rising.best == (4, 3.0 * sign) and not rising.stopped
  assert seen(metric, 1.0, 1.0, 1.0).stopped  # no better is not better
  assert not seen(metric, 1.0, 1.0, 1.0, patience=3).stopped


def test_what_is_not_measured_is_a_sentence():
  with pytest.raises(InputError, match=r"by 'toy/acuracy', which is not measured.*toy/accuracy"):
    EarlyStopping(EarlyStoppingConfig("toy/acuracy")).see(1, {"toy/accuracy": 1.0})


class Measure:
  """Good at step 3, worse after it; the run may be killed in its midst."""

  def __init__(self, *, dies_at: int | None = None):
    self.asked, self.dies_at = [], dies_at

  def __call__(self, step, params, mesh):
    if step == self.dies_at:
      raise ConnectionError("the machine is gone")
    self.asked.append(step)
    return {"toy/accuracy": {1: 0.2, 2: 0.3, 3: 0.9}.get(step, 0.5)}


def test_the_run_ends_and_keeps_its_best_step_whatever_dies(tmp_path):
  with pytest.raises(ConnectionError):
    loop.train(EVERY_STEP, tmp_path, evaluate=Measure(dies_at=5))
  measure = Measure()
  state = loop.train(EVERY_STEP, tmp_path, evaluate=measure)
  assert measure.asked == [4, 5] and int(state.step) == 5  # two that are no better than the third
  assert steps(tmp_path / "checkpoints") == [3, 5]
  told = json.loads((tmp_path / "best.json").read_text())
  assert told == {"metric": "toy/accuracy", "step": 3, "value": 0.9}
  assert early_stopping.best_step(tmp_path) == 3
  config = {"model": EVERY_STEP.model, "partitioning_config": EVERY_STEP.partitioning}
  assert [loading.load(tmp_path, **config, step=n).step for n in (3, None)] == [3, 5]
  with pytest.raises(InputError, match=r"there is no step 4 in .*; there are 3, 5"):
    loading.load(tmp_path, **config, step=4)
  again = Measure()
  assert int(loop.train(EVERY_STEP, tmp_path, evaluate=again).step) == 5
  assert again.asked == [5]
  lines = (tmp_path / "evaluations.jsonl").read_text().splitlines()
  assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4, 5]


def test_a_run_that_is_never_evaluated_cannot_stop_early():
  with pytest.raises(InputError, match="to stop by 'toy/accuracy' and is never evaluated"):
    dataclasses.replace(EVERY_STEP, evaluate_every=0)


def test_impatience_is_refused():
  with pytest.raises(InputError, match="patience of early stopping is 0"):
    EarlyStoppingConfig("toy/accuracy", patience=0)


def test_a_run_without_such_a_metric_has_no_best_step(tmp_path):
  with pytest.raises(InputError, match=r"has no best\.json"):
    early_stopping.best_step(tmp_path)
