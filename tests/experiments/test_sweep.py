"""Which trials a sweep has, and what it makes of them."""

import csv
import json
import re

import pytest

from codegen_jax import distributed
from codegen_jax.errors import InputError
from experiments import sweep, sweep_report, sweep_space

GIN = "tests/gin/toy.gin"
SHORT = [
  "--gin.TOTAL_STEPS=3",
  "--gin.WARMUP_STEPS=1",
  "--gin.ANNEAL_STEPS=2",
  "--gin.END_RATE=0.0",
]


def test_a_grid_has_every_value_with_every_other():
  assert sweep_space.grid(["A=1,2", "B=(1,2),'x,y'"]) == [
    {"A": "1", "B": "(1,2)"},
    {"A": "1", "B": "'x,y'"},
    {"A": "2", "B": "(1,2)"},
    {"A": "2", "B": "'x,y'"},
  ]


def test_draws_lie_within_their_ends_and_more_trials_begin_with_the_same():
  asked = ["A=log(1e-4,1e-2)", "B=int(1,3)", "C=uniform(0,1)", "D=choice(x,(1,2))"]
  many = sweep_space.drawn(asked, trials=200, seed=0)
  assert sweep_space.drawn(asked, trials=5, seed=0) == many[:5]
  assert sweep_space.drawn(asked, trials=5, seed=1) != many[:5]
  rates = [float(one["A"]) for one in many]
  assert min(rates) >= 1e-4 and max(rates) <= 1e-2
  assert 70 < sum(rate < 1e-3 for rate in rates) < 130  # half of the logarithm is below
  assert {one["B"] for one in many} == {"1", "2", "3"}
  assert {one["D"] for one in many} == {"x", "(1,2)"}
  assert sweep_space.drawn(["C=uniform(0,1)"], trials=5, seed=0) == [
    {"C": one["C"]} for one in many[:5]
  ]


@pytest.mark.parametrize(
  ("argv", "said"),
  [
    ([], "give --grid, or --random"),
    (["--grid=PEAK_RATE=1", "--random=SEQ_LEN=int(1,2)"], "give --grid, or --random"),
    (["--grid=PEAK_RATE="], "has no value where one belongs"),
    (["--grid=PEAK_RATE=1e-3,,2e-3"], "has no value where one belongs"),
    (["--grid=PEAK_RATE"], "names nothing"),
    (["--grid=PEAK_RATE=1", "--grid=PEAK_RATE=2"], "names PEAK_RATE twice"),
    (["--grid=SEED=1,2"], "--seeds=3 trains each trial with three"),
    (["--grid=PEAK_RAT=1"], "did you mean PEAK_RATE"),
    (["--grid=PEAK_RATE=1e-3,0.001"], "are one and the same trial"),
    (["--grid=PEAK_RATE=much"], "PEAK_RATE"),
    (["--grid=MIXTURE@rate=0.5"], "toy_code_clm has no setting 'rate'"),
    (["--grid=PEAK_RATE@rate=0.5"], "write MIXTURE@rate"),
    (["--random=PEAK_RATE=log(0,1)"], "log needs the lower and the higher end, both above 0"),
    (["--random=PEAK_RATE=uniform(2,1)"], "needs the lower and the higher end"),
    (["--random=PEAK_RATE=normal(0,1)"], "says not how to draw"),
    (["--random=PEAK_RATE=uniform(0,1)", "--trials=0"], "--trials is 0"),
    (["--grid=PEAK_RATE=1", "--seeds=0"], "--seeds is 0"),
    (["--grid=PEAK_RATE=1", "--metric=toy_clm/bits_per_byte"], "no trial measures toy_clm"),
    (["--grid=PEAK_RATE=1", "--metric=toy_code_clm/loss"], "write MIXTURE/bits_per_byte"),
    (["--grid=PEAK_RATE=1", "--gin.HELD_OUT=()"], "HELD_OUT is empty"),
    (["--grid=PEAK_RATE=1", "--scale=demos"], "did you mean 'demo'"),
  ],
  ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_work_is_a_sentence_before_anything_is_trained(
  argv, said, tmp_path, monkeypatch
):
  monkeypatch.setattr(distributed, "initialize", lambda *_: pytest.fail("it went on"))
  with pytest.raises(InputError, match=re.escape(said)):
    sweep.main([GIN, *argv, *SHORT, f"--runs={tmp_path}"])
  assert not [*tmp_path.iterdir()]


def row(value, mean, *, diverged=0, name="PEAK_RATE"):
  seeds = [] if mean is None else [mean, mean]
  return {
    "settings": {name: value}, "mean": mean, "stderr": 0.1 if seeds else None, "per_seed": seeds,
    "diverged": diverged, "folder": value,
  }  # fmt: skip


def test_a_report_has_all_trials_and_says_which_diverged(tmp_path):
  rows = [row("0.001", 2.5), row("0.01", 2.75), row("1.0", None, diverged=1)]
  path = sweep_report.write(
    rows, tmp_path, asked=("code", "bits_per_byte"), command="it", log=["PEAK_RATE"]
  )
  page = path.read_text()
  assert "The best of 3 trials: PEAK_RATE = 0.001, 2.5000 ± 0.1000." in page
  assert "diverged (1 of 1)" in page and "code/bits_per_byte ↓" in page
  with (tmp_path / "results.csv").open() as file:
    assert [one["mean"] for one in csv.DictReader(file)] == ["2.5", "2.75", ""]
  assert json.loads((tmp_path / "results.json").read_text())["trials"][1]["mean"] == 2.75
  straight = sweep_report.plot(rows, "PEAK_RATE", metric="m", log=False)
  assert (tmp_path / "PEAK_RATE.png").read_bytes() != straight


def test_words_have_places_of_their_own_in_a_plot():
  rows = [row("causal", 2.0, name="A"), row("prefix", 3.0, name="A")]
  assert sweep_report.plot(rows, "A", metric="m", log=True).startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_sweep_trains_ranks_and_goes_on(tmp_path, monkeypatch, capsys):
  monkeypatch.setattr(distributed, "initialize", lambda *_: None)
  argv = [GIN, *SHORT, "--grid=PEAK_RATE=1e-4,1e-1", "--seeds=2", f"--runs={tmp_path}", "--jobs=1"]
  sweep.main(argv)
  folder = tmp_path / "sweeps" / "toy"
  rows = json.loads((folder / "report" / "results.json").read_text())["trials"]
  assert sorted(one["settings"]["PEAK_RATE"] for one in rows) == ["1e-1", "1e-4"]
  assert rows[0]["mean"] < rows[1]["mean"]
  for one in rows:
    assert one["mean"] == pytest.approx(sum(one["per_seed"]) / 2) and one["stderr"] > 0
    config = json.loads((folder / one["folder"] / "seed_1" / "config.json").read_text())
    rate = config["optimizer"]["peak_learning_rate"]
    assert (rate, config["seed"]) == (float(one["settings"]["PEAK_RATE"]), 1)
  capsys.readouterr()
  # The same command, and one trial more: the four that are there are not trained again.
  before = {file: file.stat().st_mtime_ns for file in folder.glob("*/seed_*/**/*")}
  sweep.main([word.replace("1e-4,1e-1", "1e-4,1e-1,1e-2") for word in argv])
  told = capsys.readouterr()
  assert "3 trials, 2 runs to train (4 are finished)" in told.err
  assert {file: file.stat().st_mtime_ns for file in before} == before
  assert "1e-2" in told.out
