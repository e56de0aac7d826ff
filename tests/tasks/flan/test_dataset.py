"""The files of data sets say what TFDS has, in words that fit."""

import re

import pytest

from codegen_jax.errors import InputError
from tasks.flan import clusters, dataset, prepared, rendered, sources
from tests.tasks.flan import rows

DATASETS = dataset.load()
OF_PAPER = [name for name, one in DATASETS.items() if not one.extra]
COLLAPSED = {"anli_r2", "anli_r3", "arc_challenge", "squad_v2"}  # one data set each in the paper


def test_the_paper_s_sixty_two_are_there_and_no_other():
  assert len({*OF_PAPER} - COLLAPSED) == 62
  assert {c for name in OF_PAPER for c in DATASETS[name].clusters} == {*clusters.PAPER}


@pytest.mark.parametrize("name", DATASETS)
def test_ten_templates_of_which_at_most_three_are_turned_around(name):
  one = DATASETS[name]
  assert len({*one.templates}) == 10
  turned = [template.turned for template in one.templates]
  assert turned == sorted(turned) and 1 <= sum(turned) <= 3  # so that fewer templates are plain


@pytest.mark.parametrize("name", [name for name, one in DATASETS.items() if one.tfds])
def test_what_a_file_names_is_what_tfds_says_of_itself(name):
  one = DATASETS[name]
  features = prepared._builder(one.tfds).info.features
  said = set()
  for number in range(6):
    row = prepared.plain(rows.row(features, number), features)
    example = sources._example(one, "train", number, row)
    said.add(example.answer)
    for template in one.templates:
      pair = rendered._render(template, example)
      assert pair.answer.strip()
  if one.labels and one.adapt != "rounded" and one.name != "sentiment140":
    assert said == {*one.labels.values()}


def test_labels_and_lists_are_read_as_tfds_means_them():
  features = prepared._builder("ai2_arc/ARC-Easy").info.features
  row = prepared.plain(rows.row(features, 1), features)
  assert row["answerKey"] == "B" and row["choices"]["text"] == ["text a 1.", "text b 1."]
  assert prepared.plain(-1, features["answerKey"]) == -1


FILE = """
title: Toy
clusters: [nli]
inputs: [premise, hypothesis]
labels: {a: "yes", b: "no"}
templates:
  - "{premise} {hypothesis}?"
  - prompt: "{premise} {answer}"
    target: "{hypothesis}"
"""


def test_a_new_task_is_one_small_file(tmp_path):
  (tmp_path / "toy.yaml").write_text(FILE)
  one = dataset.read(tmp_path / "toy.yaml")
  assert one.chooses and one.trained and [t.turned for t in one.templates] == [False, True]
  example = sources._example(one, "train", 1, {"premise": "P", "hypothesis": "H", "label": "b"})
  said = [rendered._render(template, example) for template in one.templates]
  assert said[0].text + said[0].question + said[0].answer == (
    "P H?\nOptions:\n- yes\n- no\nAnswer: no"
  )
  assert rendered._render(one.templates[0], example, 1).others == (" yes",)
  assert said[1].answer == " H"


@pytest.mark.parametrize(
  ("old", "new", "said"),
  [
    ("labels:", "lables:", "has the key 'lables'.*did you mean labels"),
    ("title: Toy", "", "lacks 'title'"),
    ("{premise} {hypothesis}?", "{premis}", r"template 1 of .*toy.yaml names \{premis\}"),
    ("inputs: [premise, hypothesis]", "form: nil", "form 'nil'.*did you mean nli"),
    ("labels:", "answer: x\nlabels:", "one of labels, options and answer"),
    ("title:", "adapt: join\ntitle:", "no function.*did you mean joined"),
    ("title: Toy", "title: [", "is no YAML"),
    (FILE, "- a", "holds no keys"),
  ],
)
def test_a_slip_in_a_file_is_a_sentence(tmp_path, old, new, said):
  (tmp_path / "toy.yaml").write_text(FILE.replace(old, new))
  with pytest.raises(InputError, match=said):
    dataset.read(tmp_path / "toy.yaml")


def test_the_file_of_the_document_is_a_data_set(tmp_path):
  document = (dataset.FOLDER.parents[1] / "docs" / "flan.md").read_text()
  (file,) = re.findall(r"```yaml\n(.*?)```", document, re.DOTALL)
  (tmp_path / "restaurants.yaml").write_text(file)
  one = dataset.read(tmp_path / "restaurants.yaml")
  example = sources._example(one, "train", 1, {"text": "Fine food.", "label": "good"})
  assert example.answer == "positive" and len(one.templates) == 10
