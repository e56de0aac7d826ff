"""Each weight of a run that begins from another is the one that its origin says, and no other."""

import dataclasses
import functools
import hashlib
import json
import pathlib
import shutil

import jax
import numpy as np
from numpy.testing import assert_array_equal
import pytest

from codegen_jax import partitioning
from codegen_jax.checkpoint.checkpoints import Checkpoints
from codegen_jax.checkpoint.retention import Retention
from codegen_jax.errors import InputError
from codegen_jax.models.config import TransformerConfig
from codegen_jax.models.transformer import Transformer
from codegen_jax.partitioning import PartitioningConfig
from codegen_jax.training import loop, stored_leaves, warm_start
from codegen_jax.training import state as train_state
from codegen_jax.training.optimizer import OptimizerConfig, make_optimizer
from codegen_jax.training.warm_start import WarmStartConfig
from tests.training.test_loop import CONFIG, rows, same

MODEL = CONFIG.model
ONE, EIGHT = PartitioningConfig(1, 1, 1), PartitioningConfig(2, 2, 2)


def change(**fields) -> TransformerConfig:
  return dataclasses.replace(MODEL, **fields)


def created(model=MODEL, mesh=ONE, seed=0) -> dict:
  # Copies: weights that are replaced are deleted.
  return {name: leaf.copy() for name, leaf in _created(model, mesh, seed).items()}


@functools.cache
def _created(model: TransformerConfig, mesh: PartitioningConfig, seed: int) -> dict:
  optimizer = make_optimizer(OptimizerConfig(1e-2, 1e-3, 2, 8))
  state = train_state.create(Transformer(model), optimizer, partitioning.make_mesh(mesh), seed)
  return stored_leaves.named(state.params)


def write_run(folder: pathlib.Path, leaves: dict, model=MODEL, steps=(200,)) -> str:
  """The folder of a run that was never trained."""
  saved = Checkpoints(folder / "checkpoints", retention=Retention(9))
  for step in steps:
    params = stored_leaves.unnamed(leaves)
    saved.save(step, params=params, opt_state={"step": np.int32(step)}, data={})
  saved.close()
  (folder / "config.json").write_text(json.dumps({"model": dataclasses.asdict(model)}))
  return str(folder)


def find(run: str, workdir: pathlib.Path, model=MODEL, mesh=ONE, **rules):
  return warm_start.find(WarmStartConfig(run, **rules), workdir, model, _abstract(model, mesh))


@functools.cache
def _abstract(model: TransformerConfig, mesh: PartitioningConfig):
  optimizer = make_optimizer(OptimizerConfig(1e-2, 1e-3, 2, 8))
  return train_state.abstract(Transformer(model), optimizer, partitioning.make_mesh(mesh)).params


def begun(run: str, workdir: pathlib.Path, model=MODEL, mesh=ONE, **rules) -> tuple[dict, dict]:
  """The weights to begin with, and the origin of each."""
  found = find(run, workdir, model, mesh, **rules)
  fresh = stored_leaves.unnamed(created(model, mesh))
  return stored_leaves.named(found.params(fresh)), found.origins


@pytest.mark.parametrize("mesh", [ONE, EIGHT], ids=["one", "eight"])
def test_every_weight_is_the_other_runs_and_lies_where_this_one_wants_it(mesh, tmp_path):
  other, here = created(seed=1), created(mesh=mesh)
  run = write_run(tmp_path / "nl", other)
  params, origins = begun(run, tmp_path / "multi", mesh=mesh)
  assert origins == dict.fromkeys(sorted(other), f"step 200 of {run}")
  assert params.keys() == other.keys()
  for name, leaf in params.items():
    assert_array_equal(leaf, other[name])
    assert leaf.sharding == here[name].sharding and leaf.dtype == here[name].dtype


def test_a_weight_that_is_made_anew_is_fresh_though_the_other_run_has_it(tmp_path):
  other, here = created(seed=1), created()
  del other["final_norm/bias"]
  run = write_run(tmp_path / "nl", other)
  params, origins = begun(run, tmp_path / "multi", fresh=("head/.*", "final_norm/bias"))
  fresh = {"head/kernel", "head/bias", "final_norm/bias"}
  assert {name for name, origin in origins.items() if origin == "fresh"} == fresh
  for name, leaf in params.items():
    assert_array_equal(leaf, (here if name in fresh else other)[name])


def test_a_weight_that_this_model_lacks_is_left_out_when_it_is_named(tmp_path):
  other = created(seed=1)
  run = write_run(tmp_path / "nl", {**other, "value/kernel": np.ones((16, 1), np.float32)})
  with pytest.raises(InputError, match=r"has value/kernel, which this model lacks;.*dropped"):
    find(run, tmp_path / "multi")
  found = find(run, tmp_path / "multi", dropped=("value/.*",))
  assert found.dropped == ["value/kernel"] and "value/kernel" not in found.origins
  params, _ = begun(run, tmp_path / "multi", dropped=("value/.*",))
  assert params.keys() == other.keys()


# 103 rows do not divide by the two parts of the mesh; nobody has to hold them in one piece.
@pytest.mark.parametrize("mesh", [ONE, EIGHT], ids=["one", "eight"])
@pytest.mark.parametrize(
  ("there", "here", "origin"),
  [
    (103, 106, "rows 0-102 from step 200 of {}, 103-105 fresh"),
    (103, 100, "rows 0-99 of 103 from step 200 of {}"),
  ],
)
def test_a_vocabulary_of_another_size_keeps_the_rows_that_both_have(
  there, here, origin, mesh, tmp_path
):
  larger = change(vocab_size=here)
  other, fresh = created(change(vocab_size=there), seed=1), created(larger)
  other["head/bias"] += np.arange(1, there + 1, dtype=np.float32)  # a new one is all zeros
  run = write_run(tmp_path / "nl", other, change(vocab_size=there))
  params, origins = begun(run, tmp_path / "multi", larger, mesh, resize_vocab=True)
  resized = {"embedding/table", "head/kernel", "head/bias"}
  assert {name for name, said in origins.items() if said == origin.format(run)} == resized
  both = min(there, here)
  assert_array_equal(params["embedding/table"][:both], other["embedding/table"][:both])
  assert_array_equal(params["embedding/table"][both:], fresh["embedding/table"][both:])
  assert_array_equal(params["head/kernel"][:, :both], other["head/kernel"][:, :both])
  assert_array_equal(params["head/kernel"][:, both:], fresh["head/kernel"][:, both:])
  assert_array_equal(params["head/bias"][:both], other["head/bias"][:both])
  assert_array_equal(params["head/bias"][both:], fresh["head/bias"][both:])
  places = {name: leaf.sharding for name, leaf in created(larger, mesh).items()}
  assert {name: leaf.sharding for name, leaf in params.items()} == places
  for name in params.keys() - resized:
    assert_array_equal(params[name], other[name])


@pytest.mark.parametrize(("there", "here"), [("bfloat16", "float32"), ("float32", "bfloat16")])
def test_another_type_is_cast_and_said(there, here, tmp_path):
  other = created(change(param_dtype=there), seed=1)
  run = write_run(tmp_path / "nl", other, change(param_dtype=there))
  params, origins = begun(run, tmp_path / "multi", change(param_dtype=here))
  cast = {name for name, origin in origins.items() if origin.endswith(f", cast from {there}")}
  assert cast == {name for name in origins if name.endswith(("kernel", "table"))}
  assert origins["head/bias"] == f"step 200 of {run}"
  for name, leaf in params.items():
    assert str(leaf.dtype) == (here if name in cast else "float32")
    assert_array_equal(leaf, other[name].astype(leaf.dtype))


def test_a_resized_weight_is_cast_too(tmp_path):
  small = change(vocab_size=100, param_dtype="bfloat16")
  other = created(small, seed=1)
  run = write_run(tmp_path / "nl", other, small)
  params, origins = begun(run, tmp_path / "multi", resize_vocab=True)
  said = f"rows 0-99 from step 200 of {run}, 100-103 fresh, cast from bfloat16"
  assert origins["embedding/table"] == said
  assert_array_equal(params["embedding/table"][:100], other["embedding/table"].astype(np.float32))
  assert_array_equal(params["embedding/table"][100:], created()["embedding/table"][100:])


@pytest.mark.parametrize(
  ("rules", "model", "sentence"),
  [
    ({}, change(vocab_size=106), r"another shape of embedding/table \(104, 16\) for \(106, 16\), "
      r"head/bias .*; to take the rows that both have, set WarmStartConfig.resize_vocab"),
    ({"resize_vocab": True}, change(mlp_dim=32), r"another shape of blocks/mlp/in/bias \(2, 64\) "
      r"for \(2, 32\), .*; if it may be made anew, say so in WarmStartConfig.fresh"),
    ({}, change(vocab_size=106, num_layers=3), "say so in WarmStartConfig.fresh"),
    ({"fresh": ("head/kernal",)}, MODEL,
      "'head/kernal' in WarmStartConfig.fresh matches no weight that .*did you mean head/kernel"),
    ({"fresh": ("head",)}, MODEL, "'head' in WarmStartConfig.fresh matches no weight"),
    ({"dropped": ("head/kernel",)}, MODEL,
      "'head/kernel' in WarmStartConfig.dropped matches no weight that this model lacks"),
    ({}, change(rotary_dim=8), "would mean something else .*rotary_dim was 4 and is now 8"),
    ({}, change(norm_epsilon=1e-6), "norm_epsilon was 1e-05 and is now 1e-06"),
    ({}, change(block="llama"), "block was 'codegen' and is now 'llama'"),
    ({"step": 150}, MODEL, "has no checkpoint of step 150 and the nearest are 100, 200, 300;"),
  ],
)  # fmt: skip
def test_what_cannot_be_taken_is_refused_with_its_names(rules, model, sentence, nl, tmp_path):
  with pytest.raises(InputError, match=sentence):
    find(nl, tmp_path, model, **rules)


@pytest.fixture(scope="module")
def nl(tmp_path_factory) -> str:
  return write_run(tmp_path_factory.mktemp("nl"), created(seed=1), steps=(100, 200, 300, 400))


def test_a_weight_that_the_other_run_lacks_is_refused(tmp_path):
  other = created(seed=1)
  del other["head/bias"]
  run = write_run(tmp_path / "nl", other)
  with pytest.raises(InputError, match=r"200 of .*nl lacks head/bias, .*WarmStartConfig\.fresh"):
    find(run, tmp_path / "multi")


def test_a_model_that_differs_in_how_it_is_computed_may_be_another(nl, tmp_path):
  faster = change(dtype="bfloat16", remat="full", attention_kernel="blockwise", unroll=2)
  assert find(nl, tmp_path, faster).step == 400
  assert find(nl, tmp_path, step=200).step == 200


def test_a_run_that_is_not_there_is_refused_before_anything_is_written(nl, tmp_path):
  def sentence(run: pathlib.Path) -> str:
    with pytest.raises(InputError) as refused:
      config = dataclasses.replace(CONFIG, warm_start=WarmStartConfig(str(run)))
      loop.train(config, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    return str(refused.value)

  run = pathlib.Path(shutil.copytree(nl, tmp_path / "runs" / "nl"))
  wrong = run.with_name("nll")
  assert sentence(wrong) == (
    f"there is no run {wrong} to begin from (INIT_FROM); did you mean {run}?"
  )
  shutil.rmtree(run / "checkpoints")
  assert sentence(run) == f"there is no checkpoint in {run} to begin from; train it first"
  (run / "config.json").unlink()
  assert f"{run} has no config.json of a run" in sentence(run)


@pytest.mark.parametrize(
  ("fields", "sentence"),
  [
    ({"run": "", "resize_vocab": True}, "says how to take weights and not from where"),
    ({"run": "nl", "step": -1}, "step is -1"),
    ({"run": "nl", "fresh": ("head/(",)}, r"'head/\(' in WarmStartConfig is no regular expression"),
  ],
)
def test_a_config_that_cannot_be_meant_is_refused(fields, sentence):
  with pytest.raises(InputError, match=sentence):
    WarmStartConfig(**fields)


# Whole runs.  The first update has rate 0, so a run of one step ends with what it began with.


def after(run: pathlib.Path, steps: int = 1, **fields):
  return dataclasses.replace(
    CONFIG, warm_start=WarmStartConfig(str(run), **fields), total_steps=steps
  )


def told(workdir: pathlib.Path) -> dict:
  return json.loads((workdir / "warm_start.json").read_text())


def test_nl_multi_mono_each_begin_with_what_the_last_ended_with(tmp_path, capsys):
  nl, multi, mono = (tmp_path / name for name in ("nl", "multi", "mono"))
  first = loop.train(CONFIG, nl)
  assert same(loop.train(after(nl), tmp_path / "begun").params, first.params)
  second = loop.train(after(nl, 3), multi)
  assert not same(second.params, first.params)
  third = loop.train(after(multi), mono)
  assert same(third.params, second.params) and int(third.step) == 1
  assert (told(multi)["step"], told(mono)["step"]) == (6, 3)
  assert told(multi)["run"] == str(nl) and told(multi)["dropped"] == []
  config = (nl / "config.json").read_bytes()
  assert told(multi)["config_sha256"] == hashlib.sha256(config).hexdigest()
  count = len(told(mono)["leaves"])
  assert told(mono)["leaves"]["head/bias"] == f"step 3 of {multi}" and count > 10
  assert (
    f"begins from step 3 of {multi}: {count} of {count} leaves taken, 0 fresh"
    " (warm_start.json lists them)"
  ) in capsys.readouterr().err


def test_the_steps_the_optimizer_and_the_data_begin_at_0(tmp_path):
  nl, multi, alone = (tmp_path / name for name in ("nl", "multi", "alone"))
  loop.train(CONFIG, nl)
  state = loop.train(after(nl), multi)
  assert [row["step"] for row in rows(multi)] == [1] and int(state.step) == 1
  loop.train(dataclasses.replace(CONFIG, total_steps=1), alone)
  tokens = [rows(run)[0]["train/all_tokens"] for run in (multi, alone)]
  assert tokens[0] == tokens[1]
  assert rows(multi)[0]["train/loss"] < rows(alone)[0]["train/loss"]
  saved = [json.loads((run / "checkpoints/1/data/metadata").read_text()) for run in (multi, alone)]
  counted = ("next_step", "fingerprint", "all_tokens", "scored_tokens", "skipped_steps")
  assert [saved[0][name] for name in counted] == [saved[1][name] for name in counted]
  counts = [leaf for leaf in jax.tree.leaves(state.opt_state) if leaf.shape == ()]
  assert counts and all(int(count) == 1 for count in counts)


def test_damaged_weights_are_refused(tmp_path):
  nl = tmp_path / "nl"
  loop.train(CONFIG, nl)
  newest = nl / "checkpoints" / str(CONFIG.total_steps)
  path = next(path for path in (newest / "params").rglob("d/*"))
  path.write_bytes(path.read_bytes()[:-1])
  with pytest.raises(InputError, match=f"{path} is not what was written"):
    loop.train(after(nl), tmp_path / "multi")
  assert not (tmp_path / "multi" / "checkpoints").exists()


def test_a_start_after_a_kill_takes_the_step_of_the_first_though_the_other_run_went_on(tmp_path):
  nl, multi = tmp_path / "nl", tmp_path / "multi"
  first = loop.train(CONFIG, nl)
  loop.train(after(nl), multi)
  shutil.rmtree(multi / "checkpoints")  # as if it had been killed before it saved anything
  loop.train(dataclasses.replace(CONFIG, total_steps=9), nl)
  again = loop.train(after(nl), multi)
  assert told(multi)["step"] == 6 and same(again.params, first.params)
  shutil.rmtree(multi / "checkpoints")
  shutil.rmtree(nl / "checkpoints" / "6")
  with pytest.raises(InputError) as refused:
    loop.train(after(nl), multi)
  assert str(refused.value) == (
    f"{nl} has no checkpoint of step 6, from which {multi} began, and the nearest are 3, 9; set"
    f" WarmStartConfig.step to one of these, or delete {multi}/warm_start.json to begin from the"
    " newest"
  )
  loop.train(after(nl, step=3), multi)  # what is asked for goes before what was written
  assert told(multi)["step"] == 3


def test_a_run_that_has_a_checkpoint_of_its_own_no_longer_needs_the_other(tmp_path):
  nl, parts = tmp_path / "nl", tmp_path / "parts"
  loop.train(CONFIG, nl)
  whole = loop.train(after(nl, 6), tmp_path / "whole")
  loop.train(after(nl, 3), parts)
  shutil.rmtree(nl)
  assert same(loop.train(after(nl, 6), parts), whole)
  with pytest.raises(InputError, match=r"warm_start\.run was .* and is now ''"):
    loop.train(CONFIG, parts)
