"""Which runs an experiment needs, and that each is there once."""

import dataclasses
import pathlib

import pytest

from codegen_jax.errors import InputError
from experiments import experiment
from experiments.experiment import Arm, Experiment, Metric, Run
from experiments.jobs import Flags, Jobs

CAUSAL = Run("gin_configs/ablations/lesson1_causal.gin")
PREFIX = Run("gin_configs/ablations/lesson1_prefix.gin")
CODE = Metric("{CODE}_clm", "held-out code")


def asked(**changes):
  made = Experiment(
    question="Which?",
    source="",
    paper_finding="",
    paper_certainty="",
    arms={"causal": Arm(CAUSAL, "one"), "prefix": Arm(PREFIX, "other")},
    metrics={"code": CODE},
    comparisons=(("prefix", "causal"),),
    method=(),
    caveats=(),
  )
  return dataclasses.replace(made, **changes)


def jobs(one=None, *, folder=pathlib.Path("runs"), seeds=(0, 1), bindings=(), gin_files=()):
  flags = Flags(gin_files=tuple(gin_files), bindings=tuple(bindings))
  return Jobs(one or asked(), scale="demo", seeds=seeds, folder=folder, flags=flags)


def folders(made):
  return [pathlib.Path(job.workdir).relative_to("runs/trained/demo") for job in made.ordered()]


def test_a_folder_says_which_file_and_which_seed_and_nothing_of_the_experiment():
  made = folders(jobs())
  assert [path.name for path in made] == ["seed_0", "seed_0", "seed_1", "seed_1"]
  assert [path.parent.name.split("-")[0] for path in made] == [
    "lesson1_causal",
    "lesson1_prefix",
  ] * 2
  # Two seeds of an arm are one config.
  assert len({path.parent for path in made}) == 2


def test_runs_that_are_the_same_are_one():
  twice = asked(arms={"a": Arm(CAUSAL, "x"), "b": Arm(CAUSAL, "x")}, comparisons=(("a", "b"),))
  assert len(jobs(twice, seeds=(0,)).ordered()) == 1
  other = asked(metrics={"prose": Metric("{PROSE}_clm", "held-out prose")})
  assert folders(jobs(other)) == folders(jobs())  # another question to the same run


def test_two_files_that_say_the_same_are_one_run(tmp_path):
  copy = tmp_path / "another_name.gin"
  copy.write_text((experiment.ROOT / CAUSAL.gin_file).read_text())
  arms = {"a": Arm(CAUSAL, "x"), "b": Arm(Run(str(copy)), "x")}
  both = asked(arms=arms, comparisons=(("a", "b"),))
  (job,) = jobs(both, seeds=(0,)).ordered()
  assert "lesson1_causal-" in job.workdir
  # Also where another experiment has trained it, under the name of its own file.
  alone = asked(arms={"b": arms["b"]}, comparisons=())
  (first,) = jobs(alone, seeds=(0,), folder=tmp_path).ordered()
  pathlib.Path(first.workdir).mkdir(parents=True)
  (again,) = jobs(both, seeds=(0,), folder=tmp_path).ordered()
  assert again.workdir == first.workdir and "another_name-" in again.workdir


@pytest.mark.parametrize(
  "changed", ["TOTAL_STEPS = 5", "PEAK_RATE = 1e-3", "MIXTURE = 'local_code_clm'"]
)
def test_what_changes_the_training_changes_its_folder(changed):
  extra = ["WARMUP_STEPS = 1", "ANNEAL_STEPS = 4"] if "STEPS" in changed else []
  one, other = folders(jobs()), folders(jobs(bindings=[changed, *extra]))
  assert not {*one} & {*other}


@pytest.mark.parametrize("changed", ["HELD_OUT_ROWS = 5", "SAMPLES = 3"])
def test_what_changes_a_measurement_alone_does_not(changed):
  assert folders(jobs(bindings=[changed])) == folders(jobs())


def tuned():
  arms = {
    name: Arm(run, name, tuned={"lines": f"gin_configs/finetune/package_{name}.gin"})
    for name, run in (("causal", CAUSAL), ("prefix", PREFIX))
  }
  metrics = {"lines": Metric("package_answer", "", "accuracy", run="lines", items="text")}
  return asked(arms=arms, metrics=metrics)


def test_a_run_comes_after_the_one_that_it_begins_with():
  made = jobs(tuned(), seeds=(0,))
  ordered = made.ordered()
  assert len(ordered) == 4
  for job in ordered[2:]:
    before = made.after(job)
    assert before in [other.workdir for other in ordered[:2]]
    assert f"INIT_FROM = {before!r}" in job.bindings
    assert job.asked == (("package_answer", "accuracy"),)
  assert [made.after(job) for job in ordered[:2]] == [None, None]
  assert [job.asked for job in ordered[:2]] == [(), ()]  # trained, and nothing is asked of it


def test_what_a_run_is_tuned_from_is_part_of_its_name():
  first = jobs(tuned(), seeds=(0,)).ordered()[2:]
  other = jobs(tuned(), seeds=(0,), bindings=["PEAK_RATE = 2e-3"]).ordered()[2:]
  assert {job.workdir for job in first}.isdisjoint(job.workdir for job in other)
  moved = jobs(tuned(), seeds=(0,), folder=pathlib.Path("elsewhere")).ordered()[2:]
  names = [[pathlib.Path(job.workdir).parent.name for job in made] for made in (first, moved)]
  assert names[0] == names[1]  # and where all runs are is not


def test_a_word_of_an_arm_fills_what_it_is_asked():
  one = asked(
    arms={
      "causal": Arm(CAUSAL, "", words={"HOW": "clm"}),
      "prefix": Arm(PREFIX, "", words={"HOW": "prefix_lm"}),
    },
    metrics={"code": Metric("{CODE}_{HOW}", "")},
  )
  made = jobs(one, seeds=(0,))
  assert made.where("causal", "code", 0)[1] == ("local_code_clm", "bits_per_byte")
  assert made.where("prefix", "code", 0)[1] == ("local_code_prefix_lm", "bits_per_byte")
  # A word may be one of the scale's, and a value may have one too.
  words = {"ASKED": "{PROGRAMS}", "OUTCOME": "solved"}
  one = asked(
    arms={"causal": Arm(CAUSAL, "", words=words)},
    metrics={"prompts": Metric("{ASKED}", "", value="prompt_perplexity_{OUTCOME}")},
    comparisons=(),
  )
  made = jobs(one, seeds=(0,))
  assert made.where("causal", "prompts", 0)[1] == ("microeval", "prompt_perplexity_solved")


@pytest.mark.parametrize(
  ("bindings", "said"),
  [
    (["SEED = 5"], "seed was set to 5, .* give --seeds"),
    (["HELD_OUT = ('local_prose_clm',)"], "HELD_OUT lacks local_code_clm"),
    (["TOTAL_STEP = 5"], "did you mean TOTAL_STEPS"),
  ],
)
def test_settings_that_would_not_answer_are_refused(bindings, said):
  with pytest.raises(InputError, match=said):
    jobs(bindings=bindings)


def test_a_budget_is_a_file_of_the_scale():
  assert experiment.scale_file("demo") == "gin_configs/scales/demo.gin"
  assert experiment.scale_file("demo", "finetune") == "gin_configs/scales/demo_finetune.gin"
  with pytest.raises(InputError, match=r"no budget 'nothing': write .*demo_nothing.gin"):
    experiment.scale_file("demo", "nothing")
  assert "demo_finetune" not in experiment.scales()


@pytest.mark.parametrize(
  ("changes", "said"),
  [
    ({"comparisons": (("prefix", "causl"),)}, "'causl' .* is no arm; arms are causal, prefix"),
    (
      {"findings": (experiment.Finding("", "", "prose", "prefix", "causal", "same", 0.1),)},
      "no metric 'prose'",
    ),
    (
      {"findings": (experiment.Finding("", "", "code", "causal", "prefix", "same", 0.1),)},
      "causal and prefix are not compared",
    ),
  ],
)
def test_a_question_that_contradicts_itself_is_refused(changes, said):
  with pytest.raises(ValueError, match=said):
    asked(**changes)
