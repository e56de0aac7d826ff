"""What every target has in common: its steps, and that a shell reads what was meant."""

import pathlib
import shlex
import shutil
import subprocess
import sys

import pytest

from codegen_jax.errors import InputError
from experiments.launching import show
from experiments.launching.plan import NAMES
from tests.experiments.launching import requests
from tests.experiments.launching.requests import HARD, TARGETS

PLAIN = {"flags": ("--seeds=1",), "environment": {"WHERE": "/data"}}


def shellcheck(*files: pathlib.Path, exclude: str = "SC0000") -> None:
  beside = pathlib.Path(sys.executable).with_name("shellcheck")  # no shell activated its folder
  program = shutil.which(beside) or shutil.which("shellcheck")
  assert program, "pip install -e '.[dev]' has shellcheck"
  checked = subprocess.run(
    [program, f"--exclude={exclude}", *map(str, files)], capture_output=True, text=True
  )
  assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
  "other", [{}, PLAIN, PLAIN | {"spot": True, "queued": True, "cluster": "theirs"}]
)
def test_shellcheck_finds_nothing_in_any_script(target, other, tmp_path):
  plan = requests.plan(target, tmp_path, **other)
  scripts = show.write(plan, tmp_path / "out")
  printed = tmp_path / "printed.sh"
  printed.write_text(show.text(plan, "2 days; it's\n`cheap`"))
  files = [tmp_path / "out" / file.name for file in plan.files() if file.executable]
  # SC2016 asks whether "$HOME" in single quotes is meant so; where a user wrote it, it is.
  shellcheck(printed, *scripts, *files, exclude="SC0000" if other else "SC2016")


def test_shellcheck_would_find_a_missing_quote(tmp_path):
  (tmp_path / "bad.sh").write_text("#!/usr/bin/env bash\necho $1\n")
  with pytest.raises(AssertionError, match="SC2086"):
    shellcheck(tmp_path / "bad.sh")


@pytest.mark.parametrize("target", TARGETS)
def test_delete_is_printed_last_and_restart_is_a_comment(target, tmp_path):
  text = show.text(requests.plan(target, tmp_path))
  at = [text.index(f"\n##### {name}: ") for name in NAMES]
  assert at == sorted(at)
  restart = text[at[-2] : at[-1]]
  assert all(line.startswith("#") for line in restart.splitlines() if line)


@pytest.mark.parametrize("target", ["gke-xpk", "jobset", "tpu-vm"])
def test_delete_takes_away_what_costs_money_and_no_cluster_of_others(target, tmp_path):
  said = [c.line for c in requests.plan(target, tmp_path).step("delete").commands]
  gone = {"gke-xpk": "xpk cluster delete", "jobset": "clusters delete", "tpu-vm": "tpu-vm delete"}
  assert gone[target] in " ".join(said[-1].replace("\\\n", " ").split())
  assert not any("gs://" in line for line in said)
  if target != "tpu-vm":
    plan = requests.plan(target, tmp_path, cluster="theirs")
    script = " ".join(show.text(plan).split())
    for verb in ("create", "delete"):
      assert f"xpk cluster {verb}" not in script and f"clusters {verb}" not in script
    assert "--cluster=theirs" in script


def run_words(words: list[str]) -> list[str]:
  """Of a line that starts a run, those after `experiments.run`."""
  return words[words.index("experiments.run") + 1 :]


@pytest.mark.parametrize("target", ["gke-xpk", "jobset"])
def test_a_pod_is_told_every_word_as_it_was_given(target, tmp_path):
  variables = requests.recorders(tmp_path)
  plan = requests.plan(target, tmp_path)
  scripts = show.write(plan, tmp_path / "out")
  ended = requests.bash(scripts[NAMES.index("start")], variables)
  assert ended.returncode == 0, ended.stderr
  (words,) = requests.recorded(tmp_path)
  if target == "gke-xpk":
    (line,) = [w.removeprefix("--command=") for w in words if w.startswith("--command=")]
    assert f"--env=HARD={HARD}" in words
  else:
    import yaml

    (file,) = [w.removeprefix("--filename=") for w in words if w.startswith("--filename=")]
    told = yaml.safe_load((tmp_path / "out" / file).read_text())
    job = told["spec"]["replicatedJobs"][0]["template"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    *_, line = container["command"]
    assert container["env"] == [{"name": "HARD", "value": HARD}]
  wanted = ["lesson1_prefix_lm", "--scale=demo", "--runs=/runs/all runs"]
  assert run_words(shlex.split(line)) == [*wanted, f"--gin_bindings=HARD = {HARD}"]
  assert "experiments.preflight" in shlex.split(line)[: shlex.split(line).index("&&")]


@pytest.mark.parametrize(
  ("other", "said"),
  [
    ({"name": "My 'run'"}, "--name is .* e.g. my-run"),
    ({"name": "x" * 41}, "at most 40"),
    ({"cluster": "A"}, "--cluster is 'A'"),
    ({"environment": {"A B": ""}}, "--env has 'A B'"),
    ({"flags": ("a\nb",)}, "line break"),
    ({"processes": 0}, "--processes is 0"),
    ({"restarts": -1}, "--restarts"),
  ],
  ids=str,
)
def test_what_no_machine_would_take_is_a_sentence(other, said, tmp_path):
  with pytest.raises(InputError, match=said):
    requests.request(tmp_path, **other)


@pytest.mark.parametrize("target", ["gke-xpk", "jobset", "tpu-vm"])
def test_a_pod_without_a_bucket_or_a_zone_is_a_sentence(target, tmp_path):
  with pytest.raises(InputError, match="--zone"):
    requests.plan(target, tmp_path, zone="")
  with pytest.raises(InputError, match="gs://BUCKET/FOLDER"):
    requests.plan(target, tmp_path, output="/home/me/runs")
