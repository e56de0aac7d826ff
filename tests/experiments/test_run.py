"""The command that trains, measures and reports."""

import json
import pathlib

import pytest

from codegen_jax import distributed
from codegen_jax.errors import InputError
from experiments import experiment, run
from tasks import embedded


def test_every_experiment_names_files_and_arms_that_are_there():
  assert "lesson1_prefix_lm" in experiment.names()
  for name in experiment.names():
    asked = experiment.load(name)
    for arm in asked.arms.values():
      assert all((experiment.ROOT / one.gin_file).is_file() for one in arm.runs().values())
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


@pytest.mark.parametrize("name", [name for name in experiment.names() if name.startswith("flan_")])
def test_data_that_are_the_user_s_own_are_looked_for_before_anything_is_trained(
  name, tmp_path, monkeypatch
):
  monkeypatch.setattr(distributed, "initialize", lambda *_: pytest.fail("it went on"))
  monkeypatch.setenv("CODEGEN_JAX_BENCHMARKS", str(tmp_path / "nothing"))
  monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "nothing"))
  with pytest.raises(InputError, match=r"the data set \w+ is not on this machine; prepare"):
    run.main([name, f"--runs={tmp_path}"])
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
  trained = tmp_path / "trained" / "demo"
  for arm in ("causal", "prefix"):
    for seed in (0, 1):
      (workdir,) = trained.glob(f"lesson1_{arm}-*/seed_{seed}")
      config = json.loads((workdir / "config.json").read_text())
      assert config["seed"] == config["data"]["seed"] == seed
  assert "[4/4 done]" in capsys.readouterr().err

  before = times(trained)
  assert len(before) > 4 * (1 + 4 + 1)
  run.main(argv)
  assert times(trained) == before
  assert (folder / "report" / "results.json").read_text() == text
