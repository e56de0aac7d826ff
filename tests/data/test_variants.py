"""A task under another setting of its objective."""

import pytest

from codegen_jax.data import mixture, variants
from codegen_jax.data.objectives import PrefixSuffixMiddle
from codegen_jax.data.pipeline import DataConfig, Reader
from codegen_jax.errors import InputError
from tests.data import toy

WHERE = {"seed": 0, "epoch": 0, "length": 64}


def objective(name):
  (task,), _ = mixture.resolve(name)
  return task.source.objective


@pytest.mark.parametrize(
  ("name", "path", "value"),
  [
    ("toy_long_psm@rate=0.25", "objective.rate", 0.25),
    ("toy_long_psm@order=spm", "objective.order", "spm"),
    ("toy_long_span_corruption@ratio=0.15", "objective.spans.ratio", (0.15, 0.15)),
    ("toy_long_codegen2@lengths=(2,3)", "objectives.1.objective.spans.lengths", (2, 3)),
    ("toy_long_codegen2@rates=(0.75,0.25)", "rates", (0.75, 0.25)),
    ("toy_long_mlm@ratio=0.3", "objective.ratio", 0.3),
  ],
)
def test_one_setting_is_another_and_the_others_are_as_before(name, path, value):
  before = variants.settings(objective(name.split("@")[0]))
  after = variants.settings(objective(name))
  assert before[path] != value
  assert after == before | {path: value}


def test_rows_are_made_by_the_setting():
  (task,), _ = mixture.resolve("toy_long_psm@rate=0.25")
  sentinel = toy.Words(size=100, eos_id=toy.EOS).special_id("<fim_prefix>")

  def moved(source):
    rows = [source.example("train", row=row, **WHERE) for row in range(10)]
    return sum(int((one.tokens == sentinel).sum()) for one in rows)

  assert 0 < moved(task.source) < 0.6 * moved(toy.source("toy_long_psm"))


def test_a_run_knows_its_setting_and_so_do_several():
  names = ["toy_long_psm", "toy_long_psm@rate=0.5", "toy_long_psm@rate=0.5@order=spm"]
  prints = {Reader(DataConfig(name, 64, 2)).fingerprint for name in names}
  assert len(prints) == 3
  assert objective(names[2]).objective == PrefixSuffixMiddle(
    objective(names[0]).objective.vocabulary, "spm", rate=0.5
  )


@pytest.mark.parametrize(
  ("name", "said"),
  [
    ("toy_long_psm@rat=0.5", "has no setting 'rat'; did you mean rate?"),
    ("toy_long_clm@rate=0.5", "toy_long_clm has no setting 'rate'"),
    ("toy_long_psm@rate", "sets nothing; write toy_long_psm@NAME=VALUE"),
    ("toy_long_psm@rate=much", "'much' is no value for it; it is 1.0 otherwise"),
    ("toy_long_psm@rate=2", "rate of 2.0; it must lie between"),
    ("toy_long_span_corruption@ratio=(0.1,0.2,0.3)", r"it is \(0.05, 0.5\) otherwise"),
    ("toy_long_ul2@ratio=0.5", "has [2-9] settings 'ratio': write one of objectives"),
    ("toy_lon_psm@rate=0.5", "no mixture 'toy_lon_psm'; did you mean"),
    ("toy_clm@rate=0.5", "toy_code_clm has no setting"),
  ],
)
def test_what_cannot_be_set_is_a_sentence(name, said):
  with pytest.raises(InputError, match=said):
    mixture.resolve(name)


def test_a_setting_of_one_part_of_several_is_named_by_its_path():
  paths = [p for p in variants.settings(objective("toy_long_ul2")) if p.endswith(".ratio")]
  changed = variants.settings(objective(f"toy_long_ul2@{paths[1]}=0.3"))
  values = {path: changed[path] for path in paths}
  before = variants.settings(objective("toy_long_ul2"))
  assert values[paths[1]] != before[paths[1]] and values[paths[0]] == before[paths[0]]
