"""What a measurement keeps, and how a job is told to another process."""

import dataclasses
import json

import pytest

from codegen_jax.errors import Diverged, InputError
from experiments import work
from experiments.work import Job

JOB = Job("a", ("x.gin",), ("SEED = 1",), (), "runs/a", (("m", "pass@1"),), 5, 10, (1,))


def test_a_job_is_the_same_after_json():
  assert work.from_json(json.loads(json.dumps(dataclasses.asdict(JOB)))) == JOB


def measured(tmp_path, value, result):
  return work._measured(tmp_path, "it", value, result)


def test_bits_are_summed_and_divided_by_bytes(tmp_path):
  result = {"documents": {"a": [10.0, 5, 3], "b": [2.0, 1, 1]}}
  got = measured(tmp_path, "bits_per_byte", result)
  assert got == {"value": 2.0, "items": {"a": (10.0, 5), "b": (2.0, 1)}}


def test_an_answer_is_right_or_wrong(tmp_path):
  result = {"documents": {"a": ["yes", "yes"], "b": ["no", "yes"], "c": ["no", "no"]}}
  got = measured(tmp_path, "accuracy", result)
  assert got["value"] == pytest.approx(2 / 3)
  assert got["items"] == {"a": (1.0, 1), "b": (0.0, 1), "c": (1.0, 1)}


def test_answers_to_one_question_in_several_templates_are_one_item(tmp_path):
  said = {"rte/validation:1@1": ["yes", "yes"], "rte/validation:1@2": ["no", "yes"]}
  other = {"cb/validation:1@1": ["no", "no"]}
  got = measured(tmp_path, "accuracy", {"documents": said | other, "datasets": {}})
  assert got["value"] == pytest.approx(2 / 3)
  assert got["items"] == {"rte/validation:1": (1.0, 2.0), "cb/validation:1": (1.0, 1.0)}
  # A document of another benchmark may have the sign in its name.
  alone = measured(tmp_path, "accuracy", {"documents": {"a@1": ["x", "x"], "a@2": ["x", "y"]}})
  assert len(alone["items"]) == 2


def test_what_right_answers_cost_is_summed_over_templates(tmp_path):
  answers = {"rte/validation:1@1": [4.0, 2], "rte/validation:1@2": [1.0, 2]}
  other = {"cb/validation:1@1": [3.0, 4]}
  result = {"documents": {}, "datasets": {}, "right_answers": answers | other}
  got = measured(tmp_path, "bits_per_byte", result)
  assert got == {
    "value": 1.0,
    "items": {"rte/validation:1": (5.0, 4.0), "cb/validation:1": (3.0, 4.0)},
  }


def test_passes_are_counted_by_problem_at_the_first_temperature(tmp_path):
  rows = [
    ("p", 0.2, True),
    ("p", 0.2, False),
    ("q", 0.2, False),
    ("q", 0.2, False),
    ("q", 0.8, True),
  ]
  lines = [json.dumps({"task_id": p, "temperature": t, "passed": ok}) for p, t, ok in rows]
  (tmp_path / "samples.jsonl").write_text("\n".join(lines) + "\n")
  got = measured(tmp_path, "pass@1", {"folder": str(tmp_path), "temperatures": [0.2, 0.8]})
  assert got == {"value": 0.25, "items": {"p": (1.0, 2.0), "q": (0.0, 2.0)}}


def test_prompts_are_told_apart_by_whether_any_sample_passed(tmp_path):
  rows = [("p", 0.2, True), ("p", 0.2, False), ("q", 0.2, False), ("q", 0.8, True)]
  lines = [json.dumps({"task_id": p, "temperature": t, "passed": ok}) for p, t, ok in rows]
  (tmp_path / "samples.jsonl").write_text("\n".join(lines) + "\n")
  result = {
    "folder": str(tmp_path),
    "temperatures": [0.2, 0.8],
    "prompt_perplexity": {"t=0.2": {"p": 2.0, "q": 4.0}, "t=0.8": {"p": 9.0, "q": 9.0}},
  }
  got = measured(tmp_path, "prompt_perplexity", result)
  assert got == {"value": 3.0, "items": {"p": (2.0, 1.0), "q": (4.0, 1.0)}}
  assert measured(tmp_path, "prompt_perplexity_solved", result)["items"] == {"p": (2.0, 1.0)}
  assert measured(tmp_path, "prompt_perplexity_unsolved", result)["items"] == {"q": (4.0, 1.0)}
  (tmp_path / "samples.jsonl").write_text(
    lines[0] + "\n" + lines[2].replace("false", "true") + "\n"
  )
  with pytest.raises(InputError, match="it has no unsolved problem"):
    measured(tmp_path, "prompt_perplexity_unsolved", result)


def test_another_value_is_a_sentence(tmp_path):
  with pytest.raises(InputError, match="it has no 'recall'; there is bits_per_byte"):
    measured(tmp_path, "recall", {"documents": {}})


def test_what_is_written_is_read(tmp_path):
  path = work.path(tmp_path, "m", "accuracy")
  path.parent.mkdir()
  path.write_text(json.dumps({"value": 0.5, "items": {"a": [1.0, 2]}}))
  assert work.read(tmp_path, "m", "accuracy") == {"value": 0.5, "items": {"a": (1.0, 2)}}


def test_a_run_that_may_diverge_is_written_down_and_another_is_an_error(tmp_path, monkeypatch):
  def diverge(*_, **__):
    raise Diverged("the loss is nan", 3)

  monkeypatch.setattr(work.codegen_jax, "train", diverge)
  job = dataclasses.replace(JOB, workdir=str(tmp_path))
  with pytest.raises(Diverged):
    work.do(job)
  assert not work.diverged(job)
  work.do(dataclasses.replace(job, may_diverge=True))
  assert work.diverged(job) and "nan" in (tmp_path / work.DIVERGED).read_text()
