"""What is measured, once, and written down with the settings that it was measured under."""

import dataclasses
import json
import math

import numpy as np
import pytest
import seqio

from codegen_jax.data.objectives import CausalLM, Objective, PerFile, PrefixLM
from codegen_jax.data.pipeline import DataConfig
from codegen_jax.errors import InputError
from codegen_jax.evaluation import runner
from codegen_jax.evaluation.runner import EvalConfig
from tasks import build
from tests.data import toy

TRAINED = DataConfig("toy_clm", seq_len=7, batch_size=4)
DOCUMENTS = {
  "train": {"a.py": list(range(1, 30)), "b.py": list(range(30, 45))},
  "validation": {
    "c.py": list(range(50, 59)),
    "d.py": list(range(60, 64)),
    "e.py": list(range(25, 45)),
    "f.py": list(range(70, 76)),
  },
}


@dataclasses.dataclass(frozen=True)
class Mute(Objective):
  """Scores nothing."""

  def __call__(self, example, rng):
    return dataclasses.replace(example, loss_mask=np.zeros_like(example.loss_mask))


@pytest.fixture(scope="module", autouse=True)
def tasks():
  made = {
    "runner_clm": (DOCUMENTS, CausalLM()),
    "runner_prefix_lm": (DOCUMENTS, PerFile(PrefixLM())),
    "runner_mute": (DOCUMENTS, Mute()),
    "runner_other_text": (DOCUMENTS | {"validation": {"c.py": [*range(5)]}}, CausalLM()),
  }
  for name, (documents, objective) in made.items():
    build.add_task(name, toy.ToySource("runner", documents), objective)
  build.add_mixture("runner_both", {"runner_clm": 0.5, "runner_prefix_lm": 0.5})
  yield
  seqio.MixtureRegistry.remove("runner_both")
  for name in made:
    seqio.TaskRegistry.remove(name)


class Uniform:
  """log 100 nats for every target; remembers what it was asked."""

  def __init__(self, nats: float = math.log(100)):
    self.nats = nats
    self.batches = []

  def __call__(self, batch):
    self.batches.append(batch)
    return np.full(batch.targets.shape, self.nats, np.float32), batch.loss_mask


def config(*held_out: str, **changes) -> EvalConfig:
  return EvalConfig(**{"held_out": held_out or ("runner_clm",), "batch_size": 2} | changes)


def evaluate(workdir, asked=None, *, scorer=None, data=TRAINED, step=5, **more):
  scorer = Uniform() if scorer is None else scorer
  return runner.evaluate(asked or config(), workdir, data=data, step=step, scorer=scorer, **more)


def test_bits_per_byte_are_of_the_held_out_documents(tmp_path):
  (result,) = evaluate(tmp_path).values()
  held_out = DOCUMENTS["validation"]
  assert result["documents"].keys() == held_out.keys()
  # All text and ends of it, but for each row's and each document's first token.
  tokens = toy.tokens(held_out)
  starts = {*range(0, len(tokens), 7), 0, *(i + 1 for i, t in enumerate(tokens) if t == toy.EOS)}
  scored = [token for i, token in enumerate(tokens) if i not in starts]
  num_bytes = sum(token != toy.EOS for token in scored)
  assert result["counts"] == {"documents": 4, "bytes": num_bytes, "tokens": len(scored)}
  expected = len(scored) * math.log2(100) / num_bytes
  assert result["metrics"]["bits_per_byte"] == pytest.approx(expected)


def test_the_documents_of_each_language_are_measured_too(tmp_path):
  (result,) = evaluate(tmp_path).values()
  whole = result["counts"] | result["metrics"]
  assert result["languages"] == {"python": whole}  # all of them are


def test_every_mixture_is_measured_in_the_order_asked(tmp_path):
  asked = ("runner_prefix_lm", "runner_both", "runner_clm")
  results = evaluate(tmp_path, config(*asked))
  assert tuple(results) == asked
  for mixture, result in results.items():
    text = (tmp_path / "eval" / mixture / "5" / "results.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == result
    assert result["settings"]["mixture"] == mixture


def test_what_was_measured_is_read_back_and_not_scored_again(tmp_path):
  first = evaluate(tmp_path, scored_by={"attention": "prefix"})
  again = Uniform()
  assert evaluate(tmp_path, scorer=again, scored_by={"attention": "prefix"}) == first
  assert not again.batches


@pytest.mark.parametrize(
  "change",
  [
    {"step": 6},
    {"scored_by": {"attention": "causal"}},
    {"asked": config(max_rows=2)},
    {"asked": config(seed=1)},
    {"asked": config(split="train")},
    {"data": dataclasses.replace(TRAINED, seq_len=9)},
  ],
  ids=lambda change: next(iter(change)),
)
def test_whatever_moves_the_numbers_is_measured_anew(tmp_path, change):
  before = {"asked": config("runner_prefix_lm"), "scored_by": {"attention": "prefix"}}
  evaluate(tmp_path, **before)
  if "asked" in change:
    change["asked"] = dataclasses.replace(change["asked"], held_out=("runner_prefix_lm",))
  scorer = Uniform()
  evaluate(tmp_path, scorer=scorer, **before | change)
  assert scorer.batches


def test_another_text_under_the_same_name_is_measured_anew(tmp_path):
  evaluate(tmp_path, config("runner_clm"))
  (tmp_path / "eval" / "runner_clm").rename(tmp_path / "eval" / "runner_other_text")
  path = tmp_path / "eval" / "runner_other_text" / "5" / "results.json"
  path.write_text(path.read_text().replace("runner_clm", "runner_other_text"))
  (other,) = evaluate(tmp_path, config("runner_other_text")).values()
  assert other["documents"].keys() == {"c.py"}


def test_a_step_keeps_its_results_when_a_later_one_is_measured(tmp_path):
  evaluate(tmp_path, step=5)
  evaluate(tmp_path, step=6, scorer=Uniform(1.0))
  kept = Uniform()
  evaluate(tmp_path, step=5, scorer=kept)
  assert not kept.batches


@pytest.mark.parametrize(
  "change",
  [
    {"seed": 7},
    {"mixture": "toy_noise"},
    {"batch_size": 8},
    {"split": "validation"},
    {"separate_documents": False},
  ],
  ids=lambda change: next(iter(change)),
)
def test_every_model_is_scored_on_the_same_rows_however_it_was_trained(tmp_path, change):
  scorers = Uniform(), Uniform()
  for name, scorer, data in zip("ab", scorers, (TRAINED, dataclasses.replace(TRAINED, **change)), strict=True):  # fmt: skip  # noqa: E501
    evaluate(tmp_path / name, config("runner_prefix_lm"), scorer=scorer, data=data)
  for a, b in zip(*(scorer.batches for scorer in scorers), strict=True):
    for field in dataclasses.fields(a):
      np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name))


def test_max_rows_is_spread_over_the_files(tmp_path):
  scorer = Uniform()
  (result,) = evaluate(tmp_path, config(max_rows=3), scorer=scorer).values()
  places = [row[0] for batch in scorer.batches for row in batch.inputs if row.any()]
  text = toy.tokens(DOCUMENTS["validation"])
  assert places == [text[0], text[14], text[28]]  # rows 0, 2 and 4 of six
  assert result["counts"]["tokens"] == sum(int(b.loss_mask.sum()) for b in scorer.batches)


def test_numbers_that_json_does_not_have_are_not_written(tmp_path):
  with pytest.raises(ValueError, match="JSON"):
    evaluate(tmp_path, scorer=Uniform(math.nan))
  assert not [*tmp_path.rglob("results.json")]


def test_a_mixture_without_scored_text_is_a_sentence(tmp_path):
  with pytest.raises(InputError, match="runner_mute scores no text in its split 'validation'"):
    evaluate(tmp_path, config("runner_mute"))


def test_a_split_that_is_not_there_is_a_sentence(tmp_path):
  with pytest.raises(InputError, match="no split 'test'"):
    evaluate(tmp_path, config(split="test"))


def test_fewer_than_no_rows_are_refused():
  with pytest.raises(InputError, match="max_rows is -1"):
    EvalConfig(max_rows=-1)
