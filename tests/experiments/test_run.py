"""From the folders of runs to results.json, and the command that fills them."""

import json
import pathlib

import pytest

from codegen_jax import distributed
from codegen_jax.errors import InputError
from experiments import experiment, run
from experiments.experiment import Arm, Experiment, Metric
from tasks import embedded

CODE, PROSE = "code/bits_per_byte", "prose/bits_per_byte"
ASKED = Experiment(
  question="Which is better?",
  source="nowhere",
  paper_finding="None.",
  paper_certainty="certain",
  arms={"old": Arm("old.gin", "as it was"), "new": Arm("new.gin", "as it might be")},
  metrics={CODE: Metric("code_clm", "held-out code"), PROSE: Metric("prose_clm", "held-out prose")},
  comparisons=(("new", "old"),),
  method=("Carefully.",),
  caveats=("Few.",),
)
MODEL = {
  "vocab_size": 10,
  "embed_dim": 4,
  "num_layers": 1,
  "num_heads": 1,
  "head_dim": 4,
  "rotary_dim": 2,
}
CODE_BYTES, PROSE_BYTES = {"a.py": 100, "b.py": 300}, {"c.md": 50}


def measured(bits_per_byte: float, documents: dict[str, int]):
  """A result as evaluation.runner writes it, of a model that finds every byte equally hard."""
  scores = {path: [bits_per_byte * size, size, size // 2] for path, size in documents.items()}
  return {"metrics": {"bits_per_byte": bits_per_byte}, "documents": scores}


def fake_run(
  workdir: pathlib.Path, *, code: float, prose: float, steps: int = 3, per_step: int = 7
):
  workdir.mkdir(parents=True)
  corpora = {f"local_{workdir.parent.name}": {"fingerprint": "abc"}, "local_code": {"files": 3}}
  rows = [
    {"step": s, "train/scored_tokens": per_step * s, "train/all_tokens": 10 * s}
    for s in range(1, steps + 1)
  ]
  config = {"model": MODEL, "data": {"mixture": workdir.parent.name}, "seed": workdir.name}
  (workdir / "data.json").write_text(json.dumps({"corpora": corpora}))
  (workdir / "environment.json").write_text(json.dumps({"python": "3.11"}))
  (workdir / "config.json").write_text(json.dumps(config))
  (workdir / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
  results = {"code_clm": measured(code, CODE_BYTES), "prose_clm": measured(prose, PROSE_BYTES)}
  return {"workdir": workdir, "results": results}


def four_runs(folder: pathlib.Path, **last):
  return {
    "old": [
      fake_run(folder / "old" / "seed_0", code=2.0, prose=3.0, per_step=10),
      fake_run(folder / "old" / "seed_1", code=2.2, prose=3.0, per_step=10),
    ],
    "new": [
      fake_run(folder / "new" / "seed_0", code=1.5, prose=3.5, per_step=7),
      fake_run(folder / "new" / "seed_1", code=1.9, prose=3.7, per_step=9, **last),
    ],
  }


def collect(folder, **last):
  return run.collect(
    "asked", ASKED, four_runs(folder, **last), scale="demo", command="python -m experiments.run"
  )


def test_results_hold_what_a_reader_asks_for(tmp_path):
  results = collect(tmp_path)
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
  assert new["metrics"][PROSE]["per_seed"] == [3.5, 3.7]
  assert new["supervised_tokens"] == (3 * 7 + 3 * 9) // 2  # of the last step, over the seeds
  assert (new["all_tokens"], new["steps"], new["seeds"]) == (30, 3, 2)
  assert new["config"]["model.num_layers"] == 1 and new["config"]["data.mixture"] == "new"
  assert results["commands"] == ["python -m experiments.run"]
  assert results["environment"] == {"python": "3.11"}


def test_comparisons_are_the_arm_minus_its_baseline_seed_by_seed(tmp_path):
  code, prose = collect(tmp_path)["comparisons"]
  for comparison, metric, per_seed, documents in [
    (code, CODE, (-0.5, -0.3), 2),
    (prose, PROSE, (0.5, 0.7), 1),
  ]:
    assert (comparison["metric"], comparison["arm"]) == (metric, "new")
    assert comparison["baseline"] == "old"
    assert comparison["per_seed"] == pytest.approx(per_seed)
    assert comparison["difference"] == pytest.approx(sum(per_seed) / 2)
    assert comparison["num_documents"] == documents


def test_a_comparison_and_the_metrics_it_compares_agree(tmp_path):
  results = collect(tmp_path)
  for comparison in results["comparisons"]:
    arm, baseline = (
      results["arms"][comparison[side]]["metrics"][comparison["metric"]]["mean"]
      for side in ("arm", "baseline")
    )
    assert comparison["difference"] == pytest.approx(arm - baseline)


def test_results_are_strict_json(tmp_path):
  text = json.dumps(collect(tmp_path), allow_nan=False)
  assert json.loads(text)["arms"]["old"]["metrics"][CODE]["mean"] == pytest.approx(2.1)


def test_runs_of_different_lengths_are_not_compared(tmp_path):
  with pytest.raises(InputError, match=r"new/seed_1 is at step 4 and .* at 3.*no fair comparison"):
    collect(tmp_path, steps=4)


# The command.


def test_every_experiment_names_files_and_arms_that_are_there():
  assert "lesson1_prefix_lm" in experiment.names()
  for name in experiment.names():
    asked = experiment.load(name)
    for arm in asked.arms.values():
      assert (experiment.ROOT / arm.gin_file).is_file()
    for pair in asked.comparisons:
      assert {*pair} <= {*asked.arms}


@pytest.mark.parametrize(
  ("argv", "said"),
  [
    (["lesson1_prefixlm"], "no experiment 'lesson1_prefixlm'; did you mean 'lesson1_prefix_lm'?"),
    (["experiment"], "no experiment 'experiment'"),
    (["lesson1_prefix_lm", "--scale=demos"], "no scale 'demos'; did you mean 'demo'?"),
    (["lesson1_prefix_lm", "--seeds=0"], "--seeds is 0; an experiment needs at least 1"),
    (["lesson1_prefix_lm", "--gin.SEED=5"], "seed was set to 5, .* give --seeds"),
    (["lesson1_prefix_lm", "--gin.HELD_OUT=('local_code_clm',)"], "HELD_OUT lacks local_code_pref"),
    (["lesson1_prefix_lm", "--gin.TOTAL_STEP=5"], "did you mean TOTAL_STEPS"),
  ],
  ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_what_cannot_work_is_a_sentence_before_anything_is_trained(
  argv, said, tmp_path, monkeypatch
):
  monkeypatch.setattr(distributed, "initialize", lambda *_: pytest.fail("it went on"))
  with pytest.raises(InputError, match=said):
    run.main([*argv, f"--runs={tmp_path}"])
  assert not [*tmp_path.iterdir()]


def times(folder: pathlib.Path) -> dict[str, int]:
  """When each file that training or scoring writes was last written."""
  kept = [*folder.rglob("metrics.jsonl"), *folder.rglob("eval/**/results.json")]
  kept += [file for file in folder.rglob("checkpoints/**/*") if file.is_file()]
  return {str(file.relative_to(folder)): file.stat().st_mtime_ns for file in kept}


@pytest.mark.slow
def test_lesson_1_runs_and_a_second_run_only_reads(tmp_path, monkeypatch, capsys):
  monkeypatch.setattr(distributed, "initialize", lambda *_: None)
  monkeypatch.delenv(embedded.CODE_VARIABLE, raising=False)
  monkeypatch.delenv(embedded.PROSE_VARIABLE, raising=False)
  argv = ["lesson1_prefix_lm", "--scale=demo", "--gin_file=gin_configs/models/tiny.gin"]
  argv += ["--gin.TOTAL_STEPS=2", "--gin.HELD_OUT_ROWS=8", "--seeds=2", f"--runs={tmp_path}"]
  run.main(argv)
  folder = tmp_path / "lesson1_prefix_lm" / "demo"
  text = (folder / "report" / "results.json").read_text()
  results = json.loads(text, parse_constant=pytest.fail)

  assert {"experiment", "scale", "corpus", "arms", "comparisons"} <= results.keys()
  assert results["corpus"].keys() == {"local_code", "local_prose"}
  metrics = experiment.load("lesson1_prefix_lm").metrics
  for arm in results["arms"].values():
    assert arm["metrics"].keys() == metrics.keys()
    assert arm["steps"] == 2 and arm["config"]["model.embed_dim"] == 16
    for metric in arm["metrics"].values():
      # Two seeds are two models: seeds that are not handed on give the same one twice.
      assert len({*metric["per_seed"]}) == 2
  causal, prefix = (results["arms"][arm] for arm in ("causal", "prefix"))
  assert causal["all_tokens"] == prefix["all_tokens"] == 2 * 8 * 32
  assert prefix["supervised_tokens"] < 0.8 * causal["supervised_tokens"]
  assert {c["metric"] for c in results["comparisons"]} == metrics.keys()
  for arm in ("causal", "prefix"):
    for seed in (0, 1):
      config = json.loads((folder / arm / f"seed_{seed}" / "config.json").read_text())
      assert config["seed"] == config["data"]["seed"] == seed
  assert "prefix seed 1" in capsys.readouterr().err

  before = times(folder)
  assert len(before) > 4 * (1 + 4 + 1)
  run.main(argv)
  assert times(folder) == before
  assert (folder / "report" / "results.json").read_text() == text
  assert "finished at step 2" in capsys.readouterr().err
