"""train() in this process, on eight devices that are not there."""

import dataclasses
import json
import pathlib
import shutil
import signal

import jax
import numpy as np
import pytest

from codegen_jax import partitioning
from codegen_jax.checkpoint import manifest
from codegen_jax.checkpoint.checkpoints import Checkpoints
from codegen_jax.checkpoint.retention import Retention
from codegen_jax.data import pipeline
from codegen_jax.data.pipeline import DataConfig
from codegen_jax.errors import Diverged, InputError, Preempted
from codegen_jax.models.config import TransformerConfig
from codegen_jax.partitioning import PartitioningConfig
from codegen_jax.training import lock, loop
from codegen_jax.training.config import TrainConfig
from codegen_jax.training.optimizer import OptimizerConfig
from codegen_jax.training.program import make_program
from tests.data import toy  # noqa: F401  (registers its tasks)

CONFIG = TrainConfig(
  model=TransformerConfig(
    vocab_size=104, embed_dim=16, num_layers=2, num_heads=2, head_dim=8, rotary_dim=4
  ),
  data=DataConfig("toy_clm", seq_len=16, batch_size=8),
  optimizer=OptimizerConfig(1e-2, 1e-3, warmup_steps=2, anneal_steps=8),
  attention="causal",
  total_steps=6,
  partitioning=PartitioningConfig(data=1),
  checkpoint_every=3,
  log_every=2,
)


def rows(workdir: pathlib.Path) -> list[dict]:
  read = [json.loads(line) for line in (workdir / "metrics.jsonl").open()]
  return [{k: v for k, v in row.items() if not k.startswith("throughput/")} for row in read]


def same(a, b) -> bool:
  leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
  return all(np.asarray(x).tobytes() == np.asarray(y).tobytes() for x, y in leaves)


def test_a_run_in_two_parts_is_the_run_in_one(tmp_path):
  whole = loop.train(CONFIG, tmp_path / "whole")
  first = dataclasses.replace(CONFIG, total_steps=3)
  loop.train(first, tmp_path / "parts")
  parts = loop.train(CONFIG, tmp_path / "parts")
  assert same(whole, parts)
  assert [row["step"] for row in rows(tmp_path / "parts")] == [1, 2, 3, 4, 5, 6]
  assert rows(tmp_path / "parts") == rows(tmp_path / "whole")


def test_steps_after_the_newest_checkpoint_are_done_again_and_logged_once(tmp_path):
  loop.train(CONFIG, tmp_path)
  before = rows(tmp_path)
  newest = tmp_path / "checkpoints" / "6"
  newest.rename(tmp_path / "6")  # as if the run had been killed before it was committed
  again = loop.train(CONFIG, tmp_path)
  assert int(again.step) == 6
  assert rows(tmp_path) == before


def test_a_finished_run_is_left_alone(tmp_path):
  state = loop.train(CONFIG, tmp_path)
  written = {path: path.stat().st_mtime_ns for path in (tmp_path / "checkpoints").rglob("*")}
  metrics = (tmp_path / "metrics.jsonl").read_bytes()
  assert same(state, loop.train(CONFIG, tmp_path))
  assert written == {
    path: path.stat().st_mtime_ns for path in (tmp_path / "checkpoints").rglob("*")
  }
  assert metrics == (tmp_path / "metrics.jsonl").read_bytes()


def test_a_run_moves_to_another_mesh(tmp_path):
  loop.train(CONFIG, tmp_path / "whole")
  loop.train(dataclasses.replace(CONFIG, total_steps=3), tmp_path / "moved")
  moved = dataclasses.replace(CONFIG, partitioning=PartitioningConfig(2, 2, 2))
  state = loop.train(moved, tmp_path / "moved")
  assert "model" in str(state.params["blocks"]["mlp"]["in"]["kernel"].sharding.spec)
  losses = [[row["train/loss"] for row in rows(tmp_path / name)] for name in ("whole", "moved")]
  np.testing.assert_allclose(*losses, rtol=1e-5)


def test_the_loss_falls(tmp_path):
  longer = dataclasses.replace(
    CONFIG, total_steps=60, optimizer=OptimizerConfig(3e-2, 3e-3, 5, 55), checkpoint_every=100
  )
  loop.train(longer, tmp_path)
  losses = [row["train/loss"] for row in rows(tmp_path)]
  assert np.mean(losses[-5:]) < 0.5 * losses[0]


def test_tokens_are_counted_over_the_whole_run(tmp_path):
  prefix = dataclasses.replace(
    CONFIG, attention="prefix", data=dataclasses.replace(CONFIG.data, mixture="toy_code_prefix_lm")
  )
  loop.train(CONFIG, tmp_path / "causal")
  loop.train(prefix, tmp_path / "prefix")
  causal, prefix_ = rows(tmp_path / "causal"), rows(tmp_path / "prefix")
  scored = [row["train/scored_tokens"] for row in causal]
  assert scored == sorted(scored) and scored[0] > 0
  assert all(row["train/scored_tokens"] < row["train/all_tokens"] for row in causal + prefix_)
  assert prefix_[-1]["train/scored_tokens"] < 0.8 * causal[-1]["train/scored_tokens"]


def test_the_run_folder_tells_how_to_make_it_again(tmp_path):
  loop.train(CONFIG, tmp_path, gin_text="# as gin\n")
  names = {path.name for path in tmp_path.iterdir()}
  assert names == {
    "checkpoints", "tensorboard", "metrics.jsonl", "goodput.json", ".lock",
    "config.gin", "config.json", "data.json", "environment.json",
  }  # fmt: skip
  assert (tmp_path / "config.gin").read_text() == "# as gin\n"
  assert json.loads((tmp_path / "config.json").read_text())["model"]["embed_dim"] == 16
  corpora = json.loads((tmp_path / "data.json").read_text())["corpora"]
  assert corpora == {"toy_code": {"version": "toy"}, "toy_prose": {"version": "toy"}}
  assert json.loads((tmp_path / "environment.json").read_text())["jax"] == jax.__version__
  assert list((tmp_path / "tensorboard").iterdir())


def test_another_config_is_refused_and_nothing_is_touched(tmp_path):
  loop.train(CONFIG, tmp_path)
  before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
  other = dataclasses.replace(CONFIG, attention="prefix", z_loss=0.5)
  with pytest.raises(InputError, match=r"attention was 'causal' and is now 'prefix'; z_loss"):
    loop.train(other, tmp_path)
  assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_other_data_is_refused_and_nothing_is_touched(tmp_path):
  loop.train(dataclasses.replace(CONFIG, total_steps=3), tmp_path)
  before = (tmp_path / "metrics.jsonl").read_bytes()
  saved = Checkpoints(tmp_path / "checkpoints", retention=Retention(3))
  data = tmp_path / "checkpoints" / "3" / "data" / "metadata"
  assert saved.newest == 3 and "fingerprint" in data.read_text()
  saved.close()
  told = json.loads(data.read_text())
  data.write_text(json.dumps({**told, "fingerprint": "of other data"}))
  manifest.write(tmp_path / "checkpoints" / "3")
  with pytest.raises(InputError, match=r"is not what .* was trained on"):
    loop.train(CONFIG, tmp_path)
  assert before == (tmp_path / "metrics.jsonl").read_bytes()
  known = tmp_path / "data.json"
  known.write_text(known.read_text().replace('"fingerprint": "', '"fingerprint": "other'))
  told = known.read_bytes()
  with pytest.raises(InputError, match="was trained on other data than toy_clm now is"):
    loop.train(CONFIG, tmp_path)
  assert told == known.read_bytes()
  assert before == (tmp_path / "metrics.jsonl").read_bytes()


def change(**changes) -> TrainConfig:
  return dataclasses.replace(CONFIG, **changes)


@pytest.mark.parametrize(
  ("config", "sentence"),
  [
    (
      lambda: change(partitioning=PartitioningConfig(data=16)),
      "asks for 16 devices and there are 8",
    ),
    (
      lambda: change(
        partitioning=PartitioningConfig(data=8), data=DataConfig("toy_clm", 16, batch_size=12)
      ),
      "BATCH_SIZE is 12 .* nearest that can is 8",
    ),
    (lambda: change(microbatches=3), "BATCH_SIZE 8 cannot be split into 3 microbatches"),
    (
      lambda: change(data=DataConfig("toy_cml", 16, 8)),
      "no mixture 'toy_cml'; did you mean 'toy_clm'",
    ),
    (
      lambda: change(data=DataConfig("toy_long_mlm", 16, 8)),
      "toy_long_mlm asks for tokens in their places and ATTENTION is 'causal'",
    ),
    (
      lambda: change(data=DataConfig("toy_long_clm_epochs_5", 16, 8), total_steps=57),
      "lower TOTAL_STEPS to 56 at the most",
    ),
    (
      lambda: change(model=dataclasses.replace(CONFIG.model, vocab_size=50)),
      "vocabulary of toy_clm has 100 ids and the model only 50 rows",
    ),
    (
      lambda: change(
        attention="prefix", data=dataclasses.replace(CONFIG.data, separate_documents=False)
      ),
      "one file's prefix would look ahead",
    ),
    (
      lambda: change(
        model=dataclasses.replace(CONFIG.model, num_heads=3),
        partitioning=PartitioningConfig(data=1, model=2),
      ),
      "3 heads and the mesh splits them 2 ways",
    ),
  ],
)  # fmt: skip
def test_what_cannot_work_stops_with_a_sentence_before_anything_is_written(
  config, sentence, tmp_path
):
  with pytest.raises(InputError, match=sentence):
    loop.train(config(), tmp_path / "new")
  assert not (tmp_path / "new" / "checkpoints").exists()


def test_a_workdir_that_cannot_be_written_is_named(tmp_path):
  (tmp_path / "file").write_text("in the way")
  with pytest.raises(InputError, match=r"file/run cannot be written \(Not a directory\)"):
    loop.train(CONFIG, tmp_path / "file" / "run")


WILD = OptimizerConfig(1e30, 1e29, 0, 10)


def test_updates_that_are_not_finite_are_skipped_and_counted(tmp_path):
  state = loop.train(change(optimizer=WILD, total_steps=4), tmp_path)
  kept = Checkpoints(tmp_path / "checkpoints", retention=Retention(3))
  assert kept.newest == 4
  kept.close()
  read = rows(tmp_path)
  assert [row["train/skipped_steps"] for row in read] == [0, 1, 2, 3]
  assert ["train/loss" in row for row in read] == [True, False, False, False]
  # The schedule waits for an update that is made.
  first, *others = [row["train/learning_rate"] for row in read]
  assert first > others[0] == others[1] == others[2]
  assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(state))
  assert int(state.step) == 4


@pytest.fixture
def rows_read(monkeypatch) -> list[int]:
  """The index of each row that a reader was asked for, in their order."""
  asked: list[int] = []
  real = pipeline.Reader.inspect
  monkeypatch.setattr(pipeline.Reader, "inspect", lambda self, i: asked.append(i) or real(self, i))
  return asked


def test_too_many_in_a_row_stop_the_run_with_a_diagnosis(tmp_path, rows_read):
  config = change(optimizer=WILD, max_skipped=3, checkpoint_every=2, log_every=2, total_steps=9)
  with pytest.raises(Diverged, match=r"at step 4 .* 3 updates in a row were skipped"):
    loop.train(config, tmp_path)
  # To train on, for the gradient and for the names of its documents.
  assert [rows_read.count(row) for row in range(24, 32)] == [3] * 8
  told = json.loads((tmp_path / "diagnosis" / "step_00000004.json").read_text())
  reader = pipeline.Reader(config.data)
  assert told["documents"] == {str(row): list(reader.inspect(row).paths) for row in range(24, 32)}
  layers = told["grad_norms"]["blocks/mlp/in/kernel"]
  assert len(layers) == CONFIG.model.num_layers and "nan" in layers
  # The count goes on over a restart, which has seen two of them.
  with pytest.raises(Diverged, match="at step 4 "):
    loop.train(config, tmp_path)


def test_a_nan_leaves_parameters_and_moments_to_the_bit(tmp_path):
  good = loop.train(change(total_steps=3), tmp_path)
  broken = jax.tree.map(lambda leaf: leaf, good.params)
  broken["head"] = jax.tree.map(lambda leaf: leaf * np.nan, broken["head"])
  mesh = partitioning.make_mesh(CONFIG.partitioning)
  program = make_program(CONFIG, mesh)
  batch = next(pipeline.batches(pipeline.Reader(CONFIG.data), range(8)))
  state = dataclasses.replace(good, params=broken)
  before = jax.device_get(state)
  with partitioning.on(mesh, CONFIG.partitioning.rules):
    after, metrics = program.step(state, jax.device_put(batch, program.rows))
  assert metrics["skipped"] == 1
  assert same(before.params, after.params) and same(before.opt_state, after.opt_state)
  assert int(after.step) == int(before.step) + 1


def test_a_range_of_steps_is_jumped_over_with_its_data(tmp_path, capfd, rows_read):
  whole = change(skip_steps=((2, 4),), total_steps=6, checkpoint_every=6)
  state = loop.train(whole, tmp_path / "whole")
  assert "steps 2 to 4 are jumped over, with their data" in capfd.readouterr().err
  assert sorted(rows_read) == [*range(8), *range(32, 48)] and int(state.step) == 6
  read = rows(tmp_path / "whole")
  assert [row["step"] for row in read] == [1, 2, 3, 4, 5, 6]
  assert [row.get("train/jumped") for row in read] == [None, 1, 1, 1, None, None]
  # The schedule follows the updates that were made.
  plain = loop.train(change(), tmp_path / "plain")
  rates = [row["train/learning_rate"] for row in read if "train/learning_rate" in row]
  assert rates == [row["train/learning_rate"] for row in rows(tmp_path / "plain")][:3]
  assert not same(plain.params, state.params)
  # In two parts, the range asked for only when it was known to be bad.
  loop.train(change(total_steps=1), tmp_path / "parts")
  parts = loop.train(whole, tmp_path / "parts")
  assert same(parts, state) and rows(tmp_path / "parts") == read


def test_two_runs_in_one_folder_are_refused(tmp_path):
  with lock.held(tmp_path), pytest.raises(InputError, match=r"in use by process \d+ on"):
    loop.train(CONFIG, tmp_path)
  assert {path.name for path in tmp_path.iterdir()} == {".lock"}


def test_retention_keeps_the_newest_every_nth_and_the_best(tmp_path):
  config = change(
    total_steps=8, checkpoint_every=1, log_every=1, keep_checkpoints=1, keep_every=3, keep_best=1
  )
  loop.train(config, tmp_path)
  losses = {row["step"]: row["train/loss"] for row in rows(tmp_path)}
  kept = {int(path.name) for path in (tmp_path / "checkpoints").iterdir()}
  assert kept == {3, 6, 8, min(losses, key=lambda step: losses[step])}


def test_a_damaged_checkpoint_is_set_aside_and_the_run_ends_with_the_same_bits(tmp_path, capfd):
  whole = loop.train(CONFIG, tmp_path)
  before = rows(tmp_path)
  (largest,) = sorted(
    (path for path in (tmp_path / "checkpoints" / "6" / "params").rglob("*") if path.is_file()),
    key=lambda path: path.stat().st_size,
  )[-1:]
  content = bytearray(largest.read_bytes())
  content[len(content) // 2] ^= 1
  largest.write_bytes(content)
  again = loop.train(CONFIG, tmp_path)
  said = capfd.readouterr().err
  assert f"{largest} is not what was written" in said and "continues from step 3" in said
  assert (tmp_path / "checkpoints" / ".quarantine" / "6").is_dir()
  assert same(whole, again) and rows(tmp_path) == before


def test_an_old_step_whose_deletion_was_cut_off_stops_nothing(tmp_path):
  loop.train(change(keep_best=1), tmp_path)
  shutil.rmtree(tmp_path / "checkpoints" / "3" / "data")
  loop.train(change(keep_best=1, total_steps=7, keep_checkpoints=1), tmp_path)
  assert not (tmp_path / "checkpoints" / "3").exists()


def test_a_run_says_where_its_time_went(tmp_path):
  loop.train(change(total_steps=3), tmp_path)
  loop.train(CONFIG, tmp_path)
  told = json.loads((tmp_path / "goodput.json").read_text())
  assert [(a["from_step"], a["to_step"]) for a in told["attempts"]] == [(0, 3), (3, 6)]
  assert sum(told["shares"].values()) == pytest.approx(1.0, abs=0.01)
  assert told["attempts"][0]["environment"]["jax"] == jax.__version__


def test_preemption_saves_the_step_it_stops_at(tmp_path, monkeypatch):
  monkeypatch.setattr(Checkpoints, "preempted", lambda self, step: step == 4)
  with pytest.raises(Preempted) as stopped:
    loop.train(CONFIG, tmp_path)
  assert stopped.value.args == (4,)
  monkeypatch.undo()
  parts = loop.train(CONFIG, tmp_path)
  assert same(parts, loop.train(CONFIG, tmp_path.with_name("whole")))


@pytest.mark.parametrize(("during", "stops_at"), [("preempted", 4), ("save", 5)])
def test_an_interrupt_saves_the_step_it_stops_at(during, stops_at, tmp_path, monkeypatch):
  real = getattr(Checkpoints, during)

  def press(self, step: int, **state):
    if step == 4:
      signal.raise_signal(signal.SIGINT)
    return real(self, step, **state)

  monkeypatch.setattr(Checkpoints, during, press)
  config = dataclasses.replace(CONFIG, checkpoint_every=4)
  with pytest.raises(KeyboardInterrupt):
    loop.train(config, tmp_path)
  assert [row["step"] for row in rows(tmp_path)] == list(range(1, stops_at + 1))
  assert (tmp_path / "checkpoints" / str(stops_at)).is_dir()


def test_rows_that_are_tuned_are_those_of_the_prompt(tmp_path):
  optimizer = dataclasses.replace(CONFIG.optimizer, trained_rows=(3, 7))
  with pytest.raises(InputError, match=r"trained_rows is \(3, 7\).*has a prompt in None"):
    loop.train(dataclasses.replace(CONFIG, optimizer=optimizer), tmp_path)
