"""What tasks.build registers, read by name as any user of seqio would."""

import contextlib
import dataclasses

import numpy as np
import pytest
import seqio

from codegen_jax.data.batching import FIELDS, stack
from codegen_jax.data.objectives import CausalLM, PerFile, PrefixLM
from codegen_jax.data.pipeline import DataConfig, Reader
from codegen_jax.data.seqio_rows import SEQIO_NAMES, as_batch
from codegen_jax.errors import InputError
from codegen_jax.types import Batch
from tasks import build
from tests.data import toy

L = 7
CODE = toy.ToySource("toy_code", toy.CODE)


@contextlib.contextmanager
def task(name: str, objective, source=CODE):
  try:
    yield build.add_task(name, source, objective)
  finally:
    seqio.TaskRegistry.remove(name)


def by_name(name: str, *, split: str = "train", seed: int = 0) -> list[Batch]:
  dataset = seqio.get_mixture_or_task(name).get_dataset(
    sequence_length={"targets": L}, split=split, shuffle=True, seed=seed
  )
  return [as_batch(features) for features in dataset.batch(1).as_numpy_iterator()]


@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize("objective", [CausalLM(), PrefixLM(), PerFile(PrefixLM())], ids=repr)
def test_seqio_and_our_reader_see_the_same_rows(objective, split):
  with task("build_any", objective):
    got = by_name("build_any", split=split, seed=3)
    reader = Reader(DataConfig("build_any", seq_len=L, batch_size=1, seed=3, split=split))
    assert len(got) == reader.num_rows
    expected = [reader.row(i) for i in range(reader.num_rows)]
  for name in FIELDS:
    np.testing.assert_array_equal(
      getattr(stack(got), name), getattr(stack(expected), name), err_msg=name
    )


def test_the_objective_is_the_one_that_was_given():
  with task("build_causal", CausalLM()), task("build_prefix", PerFile(PrefixLM())):
    causal, prefix = stack(by_name("build_causal")), stack(by_name("build_prefix"))
  np.testing.assert_array_equal(causal.inputs, prefix.inputs)
  assert not causal.prefix_mask.any() and prefix.prefix_mask.any()
  assert prefix.loss_mask.sum() < causal.loss_mask.sum()


def test_a_task_declares_the_features_that_it_yields():
  with task("build_features", CausalLM()) as made:
    assert set(made.output_features) == {*SEQIO_NAMES.values()}
    assert all(f.vocabulary == CODE.vocabulary for f in made.output_features.values())
    assert set(made.splits) == {"train", "validation"}


def test_registering_reads_and_tokenises_nothing():
  @dataclasses.dataclass(frozen=True)
  class Untouchable(toy.ToySource):
    def _write(self, split):
      raise AssertionError(f"{split} was read")

    def record(self):
      raise AssertionError("the corpus was described")

  with task("build_untouchable", CausalLM(), Untouchable("untouchable", toy.CODE)):
    pass


def test_a_name_is_given_once():
  with task("build_twice", CausalLM()), pytest.raises(ValueError, match="build_twice"):
    build.add_task("build_twice", CODE, CausalLM())


@pytest.mark.parametrize("rates", [[], [0, 0], [1, -1], [1, float("nan")], [1, float("inf")]])
def test_rates_that_are_no_shares_are_refused_and_nothing_is_registered(rates):
  tasks = ("toy_code_clm", "toy_prose_clm")[: len(rates)]
  with pytest.raises(InputError, match=r"'build_refused' has the rates .* a rate is a share"):
    build.add_mixture("build_refused", dict(zip(tasks, rates, strict=True)))
  assert "build_refused" not in seqio.MixtureRegistry.names()


def test_a_mixture_of_rows_of_one_length_holds_them_at_its_rates():
  build.add_mixture("build_three_to_one", {"toy_code_clm": 0.75, "toy_prose_clm": 0.25})
  try:
    reader = Reader(DataConfig("build_three_to_one", seq_len=L, batch_size=1))
    prose = [np.isin(reader.row(i).inputs, range(50, 81)).any() for i in range(400)]
  finally:
    seqio.MixtureRegistry.remove("build_three_to_one")
  assert reader.record()["tasks"] == {"toy_code_clm": 0.75, "toy_prose_clm": 0.25}
  assert sum(prose) == 100
