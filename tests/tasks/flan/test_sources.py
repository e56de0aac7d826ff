"""Rows become examples: found where they are, labelled, split and limited."""

import json
import pathlib

import pytest

from codegen_jax.errors import InputError
from tasks.flan import dataset, sources
from tests.tasks.flan import rows

DATASETS = dataset.load()


@pytest.fixture
def here(tmp_path, monkeypatch):
  monkeypatch.setenv("CODEGEN_JAX_BENCHMARKS", str(tmp_path))
  monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
  return tmp_path


def write(file: pathlib.Path, lines) -> None:
  file.parent.mkdir(parents=True, exist_ok=True)
  file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def rte(count: int, told: str = "") -> list[dict]:
  return [
    {"premise": f"{told}{n}", "hypothesis": "h", "label": ["entailment", "not_entailment"][n % 2]}
    for n in range(count)
  ]


def test_a_user_s_own_files_come_before_the_published_ones(here):
  write(here / "superglue/RTE/train.jsonl", rte(3))
  write(here / "superglue/RTE/val.jsonl", rte(3, "published "))
  assert sources.is_here(DATASETS["rte"])
  assert len(rows.examples("rte")["validation"]) == 3
  rows.write(here, "rte")
  assert "rte premise" in rows.examples("rte")["validation"][0].fields["premise"]


def test_a_label_is_worded_and_its_options_keep_their_order(here):
  write(here / "flan/cb/train.jsonl", [
    {"premise": "a", "hypothesis": "b", "label": label}
    for label in ("contradiction", "neutral", "entailment")
  ])  # fmt: skip
  write(
    here / "flan/cb/validation.jsonl", [{"premise": "c", "hypothesis": "d", "label": "neutral"}]
  )
  told = {one.path: one.answer for one in rows.examples("cb")["train"]}
  assert told == {"cb/train:1": "no", "cb/train:2": "it cannot be told", "cb/train:3": "yes"}
  assert rows.examples("cb")["train"][0].options == ("yes", "it cannot be told", "no")


def test_without_one_of_the_two_a_tenth_is_held_out_of_the_other(here):
  write(here / "superglue/RTE/val.jsonl", rte(600))
  made = rows.examples("rte")
  asked = {split: {one.fields["premise"] for one in of} for split, of in made.items()}
  assert not asked["train"] & asked["validation"]
  assert (
    len(asked["train"]) + len(asked["validation"]) == 600 and 30 < len(asked["validation"]) < 90
  )


def test_equal_rows_are_held_out_together(here):
  write(here / "superglue/RTE/val.jsonl", [row for row in rte(100) for _ in range(2)])
  made = rows.examples("rte")
  contents = {split: {one.content for one in of} for split, of in made.items()}
  assert not contents["train"] & contents["validation"]


def test_no_data_set_gives_more_than_its_limit(here, monkeypatch):
  monkeypatch.setattr(sources, "MOST_TRAINED", 7)
  monkeypatch.setattr(sources, "MOST_MEASURED", 3)
  rows.write(here, "rte", train=20, validation=20)
  assert {split: len(of) for split, of in rows.examples("rte").items()} == {
    "train": 7,
    "validation": 3,
  }


def test_what_nobody_may_train_on_is_measured_whole(here):
  rows.write(here, "story_cloze")
  assert {split: len(of) for split, of in rows.examples("story_cloze").items()} == {"validation": 4}


def test_labels_of_a_second_file_are_joined(here):
  write(here / "piqa/valid.jsonl", [{"goal": "g", "sol1": "a", "sol2": f"b{n}"} for n in range(40)])
  (here / "piqa/valid-labels.lst").write_text("0\n1\n" * 20)
  every = [one for of in rows.examples("piqa").values() for one in of]
  assert sorted(one.answer[0] for one in every) == ["a"] * 20 + ["b"] * 20
  (here / "piqa/valid-labels.lst").write_text("0\n")
  with pytest.raises(InputError, match=r"has 40 rows and .*valid-labels.lst 1"):
    rows.examples("piqa")


def test_rows_that_are_left_out_are_named_in_the_file(here):
  write(here / "flan/snli/train.jsonl", [
    {"premise": "a", "hypothesis": "b", "label": label} for label in ("-1", "entailment")
  ])  # fmt: skip
  rows_of = [{"premise": "c", "hypothesis": "d", "label": "neutral"}]
  write(here / "flan/snli/validation.jsonl", rows_of)
  assert len(rows.examples("snli")["train"]) == 1
  write(here / "flan/snli/validation.jsonl", [rows_of[0] | {"label": "entails"}])
  with pytest.raises(InputError, match=r"snli/validation:1 has the label 'entails'.*entailment"):
    rows.examples("snli")


@pytest.mark.parametrize(
  ("row", "said"),
  [
    ({"hypothesis": "a", "label": "entailment"}, "rte/train:1 is not as .*'premise'"),
    ([1], "rte/train:1 is not as"),
  ],
)
def test_a_row_that_is_none_is_named(here, row, said):
  write(here / "flan/rte/train.jsonl", [row])
  with pytest.raises(InputError, match=said):
    rows.examples("rte")


def test_absent_data_are_one_sentence(here):
  with pytest.raises(InputError) as caught:
    rows.examples("rte")
  said = str(caught.value)
  assert said.startswith("the data set rte is not on this machine; prepare super_glue/rte")
  assert "\n" not in said
  assert not sources.is_here(DATASETS["rte"])


def test_another_row_is_another_fingerprint(here):
  rows.write(here, "rte")
  before = sources.fingerprint(DATASETS["rte"])
  assert before == sources.fingerprint(DATASETS["rte"])
  write(here / "flan/rte/train.jsonl", rte(6))
  assert before != sources.fingerprint(DATASETS["rte"])


def test_the_content_of_an_example_is_the_same_in_other_data_sets():
  ask = {"premise": "It  Rains.", "hypothesis": "Wet?"}
  one = sources.Example("a:1", ask, "yes")
  other = sources.Example("b:7", {"first": "wet?", "second": "it rains."}, "no")
  assert one.content == other.content
  assert one.content != sources.Example("a:1", ask | {"premise": "It snows."}, "yes").content
