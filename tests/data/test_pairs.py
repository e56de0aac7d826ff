"""Questions with their answers, in place of documents."""

import gzip
import json

import pytest

from codegen_jax.data import pairs
from codegen_jax.data.pairs import Pair, Pairs
from codegen_jax.errors import InputError

LABELS = {"0": "right", "1": "wrong"}


def write(path, rows) -> None:
  content = "\n".join(map(json.dumps, rows)).encode()
  path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def rows(count: int) -> list[dict]:
  return [{"text": f"a = {n}", "label": n % 3 % 2} for n in range(count)]


def test_lines_are_texts_with_labels(tmp_path):
  write(tmp_path / "train.jsonl", rows(3))
  write(tmp_path / "validation.jsonl.gz", [{"text": "b\u2028", "label": 1}])
  files = {"train": "train.jsonl", "validation": "validation.jsonl.gz"}
  read = pairs.labelled_files(tmp_path, files, labels=LABELS, question="?")
  assert read["train"][1] == Pair("train.jsonl:2", "a = 1", "?", " wrong")
  assert read["validation"] == [Pair("validation.jsonl.gz:1", "b\u2028", "?", " wrong")]


def test_classes_are_counted(tmp_path):
  write(tmp_path / "train.jsonl", rows(30))
  write(tmp_path / "validation.jsonl", rows(4))
  told = Pairs("x", "toy", lambda: pairs.labelled_files(tmp_path, labels=LABELS)).record()
  assert told["train"] == {"pairs": 30, "answers": {"right": 20, "wrong": 10}}
  assert told["validation"] == {"pairs": 4, "answers": {"right": 3, "wrong": 1}}


def test_answers_too_many_to_be_classes_are_not_told():
  twenty = [Pair(f"{n}", f"a = {n}", "?", f"answer {n % 20}") for n in range(40)]
  more = [*twenty, Pair("40", "a = 40", "?", "another")]
  told = Pairs("x", "toy", lambda: {"train": twenty, "validation": more}).record()
  assert set(told["train"]["answers"].values()) == {2} and told["validation"] == {"pairs": 41}


def test_without_a_file_to_train_on_a_tenth_of_the_other_is_held_out(tmp_path):
  write(tmp_path / "validation.jsonl", rows(500))
  made = Pairs("x", "toy", lambda: pairs.labelled_files(tmp_path, labels=LABELS))
  train, held_out = made.split("train"), made.split("validation")
  assert len(train) + len(held_out) == 500 and 30 < len(held_out) < 70
  assert not {pair.text for pair in train} & {pair.text for pair in held_out}
  assert [pair.text for pair in train[:20]] != [f"a = {n}" for n in range(20)]  # shuffled


def test_another_pair_is_another_fingerprint():
  made = [
    Pairs(
      "x",
      "toy",
      lambda a=answer: {"train": [Pair("a", "b", "c", a)], "validation": [Pair("d", "e", "f", a)]},
    )
    for answer in ("yes", "yes", "no")
  ]
  told = [one.fingerprint for one in made]
  assert told[0] == told[1] != told[2]


@pytest.mark.parametrize(
  ("line", "said"),
  [
    ("{", "validation.jsonl:1 is no JSON object"),
    ("[1]", "validation.jsonl:1 is no JSON object"),
    ('{"label": 1}', "validation.jsonl:1 has no field 'text'"),
    ('{"text": "a"}', "validation.jsonl:1 has no field 'label'"),
    ('{"text": "a", "label": 7}', "has the label '7'.*the labels are 0, 1"),
  ],
)
def test_a_line_that_is_no_pair_is_named(tmp_path, line, said):
  (tmp_path / "validation.jsonl").write_text(line)
  with pytest.raises(InputError, match=said):
    pairs.labelled_files(tmp_path, labels=LABELS)


def test_missing_files_and_empty_splits_are_sentences(tmp_path):
  with pytest.raises(InputError, match=r"there is no .*validation\.jsonl"):
    pairs.labelled_files(tmp_path, labels=LABELS)
  (tmp_path / "validation.jsonl").write_text("")
  with pytest.raises(InputError, match="x has no pairs in its split train"):
    Pairs("x", "toy", lambda: pairs.labelled_files(tmp_path, labels=LABELS)).split("train")
