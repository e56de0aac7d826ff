"""What is written of a benchmark, and what is shown of it.  Beside lm-eval's own: see interop."""

import json
import math

from codegen_jax.evaluation import results
from codegen_jax.evaluation.pass_at_k import Estimate
from tests.evaluation.scripted import Doubling

METRICS = {
  "acc": Estimate(0.25, 0.01),
  "pass@1,t=0.2": Estimate(0.5, math.nan),
  "prompt_perplexity,pass t=0.2": Estimate(3.0, 0.5),
}


def make(**changes):
  settings = {"step": 7, "seed": 0}
  return results.make(
    Doubling(), METRICS,
    **{"original": 3, "effective": 2, "limit": 2, "seconds": 1.5, "settings": settings, "told": {}}
    | changes,
  )  # fmt: skip


def test_a_metric_has_its_error_beside_it_and_an_unknown_error_is_null():
  values = make()["results"]["doubling"]
  assert values == {
    "name": "doubling", "alias": "doubling", "sample_len": 2,
    "acc,none": 0.25, "acc_stderr,none": 0.01,
    "pass@1,t=0.2": 0.5, "pass@1_stderr,t=0.2": None,
    "prompt_perplexity,pass t=0.2": 3.0, "prompt_perplexity_stderr,pass t=0.2": 0.5,
  }  # fmt: skip
  json.dumps(make(), allow_nan=False)


def test_what_the_numbers_depend_on_stands_beside_them():
  result = make(told={"sandbox": {"level": "namespaces"}})
  assert result["higher_is_better"]["doubling"] == {
    "acc": True, "pass@1": True, "prompt_perplexity": False
  }  # fmt: skip
  assert result["config"]["model_args"] == {"step": 7, "seed": 0}
  assert result["n-samples"]["doubling"] == {"original": 3, "effective": 2}
  assert result["data_sha256"] == {"doubling": "0"}
  assert result["sandbox"] == {"level": "namespaces"}
  assert result["total_evaluation_time_seconds"] == "1.5"
  other = make(settings={"step": 8})
  assert other["task_hashes"] == result["task_hashes"]


def test_a_table_has_a_row_for_each_metric():
  assert results.lines(make()) == [
    ("doubling", "acc", "0.2500 ± 0.0100"),
    ("doubling", "pass@1 t=0.2", "0.5000"),
    ("doubling", "prompt_perplexity pass t=0.2", "3.0000 ± 0.5000"),
  ]
