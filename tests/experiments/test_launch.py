"""The command that launches."""

import json
import os
import subprocess
import sys

import pytest

from codegen_jax.errors import InputError
from experiments import experiment, launch
from experiments.jobs import Flags
from experiments.launching import estimate
from tests.environment import ENVIRONMENT

POD = ["--project=p", "--zone=us-central2-b", "--image=i", "--output=gs://my-bucket/runs"]
TARGETS = [*launch.TARGETS]


def argv(target: str, *more: str) -> list[str]:
  own = POD if target not in launch.HERE else []
  topology = ["--topology=v4-256", "--no-estimate"] if target not in launch.HERE else []
  return ["lesson1_prefix_lm", f"--target={target}", *own, *topology, *more]


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_is_printed_with_its_training_and_its_preflight(target, capsys, tmp_path):
  launch.main(argv(target, "--gin.TOTAL_STEPS=7", "--seeds=3"))
  told = capsys.readouterr().out
  assert "experiments.run lesson1_prefix_lm" in " ".join(told.replace("\\\n", " ").split())
  assert "--seeds=3" in told and "TOTAL_STEPS" in told and "experiments.preflight" in told
  assert ("--devices=128" in told) == (target not in launch.HERE)


def test_scripts_are_written_and_none_is_run(tmp_path, capsys):
  launch.main(argv("jobset", f"--out={tmp_path / 'out'}"))
  printed = capsys.readouterr().out.splitlines()
  assert [line.rpartition("/")[2][:2] for line in printed] == [f"{i}_" for i in range(1, 7)]
  assert all(os.access(line, os.X_OK) for line in printed)
  assert (tmp_path / "out" / "lesson1-prefix-lm-demo.yaml").is_file()


@pytest.mark.parametrize(
  ("more", "said"),
  [
    (["--name=A b"], "--name is 'A b'"),
    (["--topology=v4-255"], "there is no slice v4-255"),
    (["--scale=demos"], "did you mean 'demo'"),
    (["--seeds=0"], "--seeds is 0"),
    (["--gin_file=/etc/hostname"], "outside of the checkout"),
    (["--env=1A=2"], "--env has '1A'"),
    (["--output=/tmp/runs"], "gs://BUCKET/FOLDER"),
  ],
  ids=str,
)
def test_what_cannot_work_is_a_sentence(more, said):
  with pytest.raises(InputError, match=said):
    launch.main(argv("gke-xpk", *more))


def test_an_estimate_of_no_slice_is_a_sentence():
  with pytest.raises(InputError, match="--estimate needs a --topology"):
    launch.main(argv("local", "--estimate"))


def test_without_its_tools_run_is_a_sentence_and_exit_code_2(tmp_path):
  ended = subprocess.run(
    [sys.executable, "-m", "experiments.launch", *argv("gke-xpk", "--run")],
    cwd=experiment.ROOT, env=ENVIRONMENT | {"PATH": str(tmp_path)}, capture_output=True, text=True,
  )  # fmt: skip
  assert ended.returncode == 2 and "Traceback" not in ended.stderr
  assert "runs xpk, gcloud, docker, git, which this machine does not have" in ended.stderr


TOLD = {"fits": True, "tokens_per_second": 1e6, "chips": 4, "topology": "v4:2x2x1 (v4-8)"}


def costs(name: str, seeds: int = 2) -> list[estimate.Cost]:
  return estimate.costs(
    experiment.load(name), scale="demo", seeds=seeds, flags=Flags(), topology="v4-8"
  )


def test_days_are_those_of_all_seeds_and_arms_of_one_step_are_compiled_once(monkeypatch):
  compiled = []
  monkeypatch.setattr(estimate, "_plan", lambda place, *_: compiled.append(place) or TOLD)
  found = costs("lesson1_prefix_lm")
  assert len(found) == 2 and len(compiled) == 1
  train = compiled[0].config.train
  tokens = train.total_steps * train.data.batch_size * train.data.seq_len
  assert [cost.tokens for cost in found] == [2 * tokens] * 2
  assert found[0].days == pytest.approx(2 * tokens / 1e6 / 86_400)
  assert found[0].chip_hours == pytest.approx(found[0].days * 24 * 4)
  compiled.clear()
  # An encoder, and runs that begin with another's weights.
  assert len(costs("lesson1b_representations")) > len(compiled) > 1


def test_a_price_is_told_only_where_one_was_given(monkeypatch):
  monkeypatch.setattr(estimate, "_plan", lambda *_: TOLD)
  found = costs("lesson1_prefix_lm")
  assert "dollars" not in estimate.text(found, seeds=2, dollars=None)
  hours = sum(cost.chip_hours for cost in found)
  assert f"{hours * 1e6:,.2f} dollars" in estimate.text(found, seeds=2, dollars=1e6)


def test_what_does_not_fit_is_told_and_never_run(monkeypatch, tmp_path, capsys):
  large = {"fits": False, "chips": 4, "topology": "v4-8"}
  large["memory"] = {"total": 5 * 2**30, "available": 2**30}
  monkeypatch.setattr(estimate, "_plan", lambda *_: large)
  command = [word for word in argv("gke-xpk", "--run") if word != "--no-estimate"]
  monkeypatch.setattr(launch.execute, "check_tools", lambda _: None)
  monkeypatch.setattr(launch.execute, "run", lambda *_: pytest.fail("it was run"))
  with pytest.raises(InputError, match="does not fit"):
    launch.main(command)
  assert "does NOT fit: 4.00 GiB a chip too many" in capsys.readouterr().err


@pytest.mark.slow
def test_an_estimate_is_compiled_for_the_slice(capsys):
  flags = ["--topology=v4-8", "--estimate", "--gin_file=gin_configs/models/tiny.gin"]
  launch.main([*argv("gke-xpk", *flags), "--gin_file=gin_configs/hardware/v4.gin"])
  told = capsys.readouterr().out
  assert told.startswith("#!/usr/bin/env bash\n# v4:2x2x1 (v4-8), 4 chips")
  assert told.index("# together") < told.index("##### create")


@pytest.mark.slow
def test_two_processes_of_this_machine_train_measure_and_report(tmp_path):
  command = [sys.executable, "-m", "experiments.launch", *argv("local", "--processes=2", "--run")]
  command += [f"--output={tmp_path / 'runs'}", f"--out={tmp_path / 'out'}", "--seeds=1"]
  command += ["--gin_file=gin_configs/models/tiny.gin", "--gin.TOTAL_STEPS=2"]
  command += ["--gin.HELD_OUT_ROWS=8", "--devices=2"]
  ended = subprocess.run(
    command, cwd=experiment.ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=600
  )
  assert ended.returncode == 0, ended.stdout + ended.stderr
  assert "2 processes, 2 devices" in ended.stdout  # the preflight's line
  report = tmp_path / "runs" / "lesson1_prefix_lm" / "demo" / "report"
  results = json.loads((report / "results.json").read_text())
  assert results["arms"].keys() == {"causal", "prefix"}
  assert "coordinator" not in results["commands"][0]
