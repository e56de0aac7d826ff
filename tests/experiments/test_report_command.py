"""Pages anew, results that are kept, and one page over all."""

import json
import re

import pytest

from codegen_jax.errors import InputError
from experiments import collect, experiment, kept, report, report_command
from tests.experiments import fake_runs

NAME = "lesson1_prefix_lm"


@pytest.fixture
def made(tmp_path):
  """A report of runs that nobody trained, and the flags that find it."""
  jobs = fake_runs.four(tmp_path / "trained")
  results = collect.collect(NAME, jobs, command=f"it --runs={tmp_path}/runs/x --gin_file=/a/b.gin")
  results["environment"] = {
    "commit": "abc", "command": ["work.py", f"{tmp_path}/job.json"], "devices": "1 x cpu",
    "cpus": 2,
  }  # fmt: skip
  folder = experiment.report_folder(tmp_path / "runs", NAME, "demo")
  report.write(results, collect.curves(jobs), folder, measured=collect.measured_curves(jobs))
  (tmp_path / "results").mkdir()
  return folder, [f"--runs={tmp_path}/runs", f"--results={tmp_path}/results"]


def kept_file(tmp_path):
  return json.loads((tmp_path / "results" / f"{NAME}.demo.json").read_text())


def test_pages_are_the_same_when_made_anew(made):
  folder, flags = made
  before = {file.name: file.read_bytes() for file in folder.iterdir()}
  (folder / "report.md").write_text("lost")
  (folder / "results.png").unlink()
  report_command.main([NAME, *flags])
  assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_what_is_kept_has_all_that_was_found_and_nothing_of_the_machine(made, tmp_path):
  folder, flags = made
  report_command.main([NAME, "--keep", *flags])
  whole, slim = json.loads((folder / "results.json").read_text()), kept_file(tmp_path)
  for key in ("comparisons", "findings", "matched", "metrics", "paper", "corpus", "training"):
    assert slim[key] == whole[key]
  for name, arm in slim["arms"].items():
    assert arm["config"] == {"data.mixture": name}  # what is the same for all arms is gone
    assert arm["metrics"] == whole["arms"][name]["metrics"]
  assert slim["commands"] == ["it --runs=runs/x --gin_file=b.gin"]
  assert "command" not in slim["environment"] and str(tmp_path) not in json.dumps(slim)


def test_a_long_count_of_answers_is_kept_as_its_length():
  arms = {"a": {"config": {}}}
  answers = {"few": {"yes": 1, "no": 2}, "many": {str(n): 1 for n in range(21)}}
  told = {"arms": arms, "environment": {}, "corpus": {"cb": {"train": answers, "files": 3}}}
  assert kept.slim(told)["corpus"] == {
    "cb": {"train": {"few": {"yes": 1, "no": 2}, "many": "21 different"}, "files": 3}
  }


@pytest.mark.parametrize(("commit", "dirty"), [("abc", False), ("abc+", True), (None, True)])
def test_a_checkout_with_changes_is_told(made, tmp_path, capsys, commit, dirty):
  folder, flags = made
  whole = json.loads((folder / "results.json").read_text())
  whole["environment"]["commit"] = commit
  (folder / "results.json").write_text(json.dumps(whole))
  report_command.main([NAME, "--keep", *flags])
  assert kept_file(tmp_path)["uncommitted_changes"] is dirty
  assert ("had changes" in capsys.readouterr().out) is dirty


def test_a_report_is_read_from_what_is_kept_where_the_runs_are_gone(made, tmp_path):
  folder, flags = made
  report_command.main([NAME, "--keep", *flags])
  for file in folder.iterdir():
    file.unlink()
  report_command.main([NAME, *flags])
  page = (folder / "report.md").read_text()
  assert "New is better." in page and "Full config" not in page


def test_the_page_over_all_has_every_finding_and_names_what_was_not_run(made, tmp_path):
  folder, flags = made
  report_command.main(["--all", *flags])
  page = (tmp_path / "runs" / "index.md").read_text()
  assert "New is better." in page and "not decided" in page and "-0.4000" in page
  assert f"python -m experiments.report {NAME} --scale=demo --keep" in page
  assert "python -m experiments.run lesson4_mixing --scale=demo" in page
  assert f"experiments.run {NAME}" not in page
  (link,) = re.findall(r"\[report\]\(<(.*)>\)", page)
  assert (tmp_path / "runs" / link).resolve() == (folder / "report.html").resolve()
  assert f'<a href="{link}">' in (tmp_path / "runs" / "index.html").read_text()
  report_command.main([NAME, "--keep", *flags])
  report_command.main(["--all", *flags])
  assert "--keep" not in (tmp_path / "runs" / "index.md").read_text()


def test_results_that_moved_since_they_were_kept_are_named(made, tmp_path):
  folder, flags = made
  report_command.main([NAME, "--keep", *flags])
  whole = json.loads((folder / "results.json").read_text())
  whole["comparisons"][0]["difference"] = 0.7
  (folder / "results.json").write_text(json.dumps(whole))
  report_command.main(["--all", *flags])
  page = (tmp_path / "runs" / "index.md").read_text()
  assert f"{NAME} --scale=demo --keep" in page
  assert "-0.4000" in page  # what is kept is shown


@pytest.mark.parametrize(
  ("argv", "said"),
  [
    ([], "name one experiment, or give --all"),
    ([NAME, "--all"], "name one experiment, or give --all"),
    (["--all", "--keep"], "--keep keeps the results of one experiment"),
    ([NAME], "python -m experiments.run lesson1_prefix_lm --scale=demo makes it"),
    ([NAME, "--keep"], "is not there"),
    (["lesson1_prefix"], "did you mean 'lesson1_prefix_lm'"),
    ([NAME, "--scale=demos"], "did you mean 'demo'"),
    ([NAME, "--out=x.html"], "--out is where --all writes"),
  ],
)
def test_what_cannot_work_is_a_sentence(argv, said, tmp_path):
  with pytest.raises(InputError, match=re.escape(said)):
    report_command.main([*argv, f"--runs={tmp_path}", f"--results={tmp_path}"])


def test_a_strange_file_among_the_results_is_a_sentence(tmp_path):
  (tmp_path / "a.json").write_text("[]")
  with pytest.raises(InputError, match="holds no experiment's results"):
    report_command.main(["--all", f"--runs={tmp_path}", f"--results={tmp_path}"])


@pytest.mark.parametrize("file", sorted(kept.FOLDER.glob("*.json")), ids=lambda file: file.stem)
def test_committed_results_are_small_and_of_no_machine(file):
  text = file.read_text()
  assert len(text) < 30_000
  assert not kept.PATH.search(json.dumps(json.loads(text)["environment"]))
  assert kept.slim(json.loads(text)) == json.loads(text)


@pytest.mark.parametrize(
  "text", ["https://arxiv.org/abs/2305.02309", "and/or", "gin_configs/a/b.gin", "2.1 / 3", "a/b/c"]
)
def test_what_is_no_path_of_the_machine_stays(text):
  assert kept._anywhere(text) == text
