"""From the folders of runs to results.json."""

import dataclasses
import json

import pytest

from codegen_jax.errors import InputError
from experiments import collect, verdicts
from experiments.experiment import Arm, Metric
from tests.experiments import fake_runs
from tests.experiments.fake_runs import CODE, PASSES


def collected(folder, **last):
  return collect.collect("asked", fake_runs.four(folder, **last), command="python -m it")


def test_results_hold_what_a_reader_asks_for(tmp_path):
  results = collected(tmp_path)
  assert (results["experiment"], results["scale"]) == ("asked", "demo")
  assert results["corpus"] == {
    "local_old": {"fingerprint": "abc"},
    "local_new": {"fingerprint": "abc"},
    "local_code": {"files": 3},
  }
  assert list(results["arms"]) == ["old", "new"]
  new = results["arms"]["new"]
  assert new["metrics"][CODE] == {
    "mean": pytest.approx(1.7),
    "stderr": pytest.approx(0.2),
    "per_seed": [1.5, 1.9],
  }
  assert new["metrics"][PASSES]["per_seed"] == pytest.approx([0.5, 0.7])
  assert new["supervised_tokens"] == (3 * 7 + 3 * 9) // 2  # of the last step, over the seeds
  assert (new["all_tokens"], new["steps"], new["seeds"]) == (30, 3, 2)
  assert new["config"]["model.num_layers"] == 1 and new["config"]["data.mixture"] == "new"
  assert results["commands"] == ["python -m it"]
  assert results["environment"] == {"python": "3.11"}
  assert results["metrics"][PASSES] == {
    "description": "functions", "better": "higher", "items": "problem", "paired": True,
  }  # fmt: skip


def test_runs_that_begin_with_an_arm_s_weights_are_told_where_they_are_measured(tmp_path):
  jobs = fake_runs.four(tmp_path)
  for seed in jobs.seeds:
    fake_runs.make(tmp_path / "later" / f"seed_{seed}", code=1.0, passes=0.9, steps=5, per_step=3)
  arms = jobs.asked.arms | {
    "new": Arm(fake_runs.NEW, "then tuned", tuned={"later": "later.gin", "unasked": "none.gin"})
  }
  metrics = {
    CODE: Metric("code_clm", "held-out code"),
    "tuned": Metric("code_clm", "x", run="later"),
  }
  metrics["tuned"] = dataclasses.replace(metrics["tuned"], arms=("new",))
  asked = dataclasses.replace(jobs.asked, arms=arms, metrics=metrics)
  told = collect.collect("asked", dataclasses.replace(jobs, asked=asked), command="it")["arms"]
  assert told["old"]["tuned"] == {} and list(told["new"]["tuned"]) == ["later"]
  later = told["new"]["tuned"]["later"]
  assert (later["steps"], later["supervised_tokens"], later["all_tokens"]) == (5, 15, 50)
  assert later["config"]["data.mixture"] == "later" and told["new"]["steps"] == 3
  assert told["new"]["metrics"]["tuned"]["mean"] == 1.0


def test_comparisons_are_the_arm_minus_its_baseline_seed_by_seed(tmp_path):
  code, passes = collected(tmp_path)["comparisons"]
  for comparison, metric, per_seed, items in [
    (code, CODE, (-0.5, -0.3), "document"),
    (passes, PASSES, (0.2, 0.4), "problem"),
  ]:
    assert (comparison["metric"], comparison["arm"]) == (metric, "new")
    assert comparison["baseline"] == "old"
    assert comparison["per_seed"] == pytest.approx(per_seed)
    assert comparison["difference"] == pytest.approx(sum(per_seed) / 2)
    assert (comparison["num_items"], comparison["items"]) == (3, items)


def test_a_comparison_and_the_metrics_it_compares_agree(tmp_path):
  results = collected(tmp_path)
  for comparison in results["comparisons"]:
    arm, baseline = (
      results["arms"][comparison[side]]["metrics"][comparison["metric"]]["mean"]
      for side in ("arm", "baseline")
    )
    assert comparison["difference"] == pytest.approx(arm - baseline)


def test_a_finding_is_judged_by_its_own_comparison(tmp_path):
  (finding,) = collected(tmp_path)["findings"]
  # -0.4 with seeds 0.2 apart: Student's interval with one degree of freedom holds zero.
  assert (finding["statement"], finding["verdict"]) == ("New is better.", verdicts.NOT_DECIDED)
  assert "2 seeds" in finding["why"] and "-0.4000" in finding["why"]


def test_a_metric_of_another_scale_is_left_out(tmp_path):
  jobs = dataclasses.replace(fake_runs.four(tmp_path), scale="paper")
  results = collect.collect("asked", jobs, command="")
  assert list(results["metrics"]) == [CODE]
  assert [c["metric"] for c in results["comparisons"]] == [CODE]


def test_arms_are_matched_where_all_have_learned_from_as_many_targets(tmp_path):
  # Of "new", seed 0 ends with 21 targets, which is the least; "old" had 20 at step 2, 30 at step 3.
  matched = collected(tmp_path)["matched"]
  assert matched["supervised_tokens"] == 21
  new, old = (matched["arms"][arm][CODE]["per_seed"] for arm in ("new", "old"))
  assert new[0] == pytest.approx(1.5)  # its own end
  assert old == pytest.approx([3.0 - 0.1, 3.2 - 0.1])  # a tenth of the way from step 2 to step 3
  assert new[1] == pytest.approx(2.9 - (21 - 18) / 9)


def test_results_are_strict_json(tmp_path):
  text = json.dumps(collected(tmp_path), allow_nan=False)
  assert json.loads(text)["arms"]["old"]["metrics"][CODE]["mean"] == pytest.approx(2.1)


def test_runs_of_different_lengths_are_not_compared(tmp_path):
  with pytest.raises(InputError, match=r"new/seed_1\) took 4 steps and .* 3.*no fair comparison"):
    collected(tmp_path, steps=4)
