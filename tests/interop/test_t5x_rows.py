"""Batches by number, as t5x reads them."""

import dataclasses
import itertools
from typing import Any

import numpy as np
from numpy.testing import assert_array_equal
import pytest

from codegen_jax.data import pipeline
from codegen_jax.data.pipeline import DataConfig, Reader
from codegen_jax.errors import InputError
from codegen_jax.interop import t5x_rows
from codegen_jax.interop.t5x_rows import Batches, RowConverter, as_features
from tests.data import toy  # noqa: F401 (makes the tasks)

DATA = DataConfig("toy_clm", seq_len=16, batch_size=4, seed=7)


@dataclasses.dataclass(frozen=True)
class DatasetConfig:
  """What is read of t5x's."""

  mixture_or_task_name: str = "toy_clm"
  task_feature_lengths: Any = dataclasses.field(default_factory=lambda: {"targets": 16})
  split: str = "train"
  batch_size: int = 4
  shuffle: bool = True
  seed: int | None = 7


def wanted(rows: range, numbers: range) -> list[dict[str, np.ndarray]]:
  return [as_features(b) for b in pipeline.batches(Reader(DATA), rows, numbers=numbers)]


def same(got: list, expected: list) -> None:
  assert len(got) == len(expected)
  for one, other in zip(got, expected, strict=True):
    assert one.keys() == other.keys()
    for name in one:
      assert_array_equal(one[name], other[name], err_msg=name)


def test_a_host_has_its_part_of_our_own_batches():
  for shard, rows in enumerate([range(2), range(2, 4)]):
    dataset = t5x_rows.get_dataset(DatasetConfig(), shard, 2, RowConverter)
    spec = dataset.element_spec
    got = [*itertools.islice(dataset, 3)]
    same(got, wanted(rows, range(3)))
    assert {name: (x.shape, x.dtype) for name, x in got[0].items()} == {
      name: (one.shape, one.dtype) for name, one in spec.items()
    }


def test_documents_may_read_each_other():
  (row,) = itertools.islice(
    t5x_rows.get_dataset(DatasetConfig(), 0, 1, RowConverter, separate_documents=False), 1
  )
  assert row["decoder_segment_ids"].max() == 1


def test_a_saved_place_is_found_again(tmp_path):
  dataset = Batches(Reader(DATA), range(4))
  [*itertools.islice(dataset, 2)]
  dataset.save(tmp_path / "saved")
  dataset.reset()
  same([next(dataset)], wanted(range(4), range(1)))
  other = Batches(Reader(DATA), range(4))
  next(other)
  other.restore(tmp_path / "saved")
  same([*itertools.islice(other, 2)], wanted(range(4), range(2, 4)))


def test_a_batch_that_was_looked_at_before_the_first_step_is_not_lost(tmp_path):
  file = tmp_path / "checkpoint_0" / "dataset" / "train_ds"
  file.parent.mkdir(parents=True)
  dataset = Batches(Reader(DATA), range(4))
  next(dataset)
  dataset.save(file)
  dataset.restore(file)
  same([next(dataset)], wanted(range(4), range(1)))


def test_another_data_is_not_continued(tmp_path):
  Batches(Reader(DATA), range(4)).save(tmp_path / "saved")
  other = Batches(Reader(dataclasses.replace(DATA, mixture="toy_noise")), range(4))
  with pytest.raises(InputError, match="saved while training on other data"):
    other.restore(tmp_path / "saved")


@pytest.mark.parametrize(
  ("change", "said"),
  [
    ({"seed": None}, "set a number"),
    ({"shuffle": False}, "shuffle = True"),
    ({"batch_size": 5}, "2 hosts cannot share evenly"),
    ({"mixture_or_task_name": "toy_cml"}, "did you mean 'toy_clm'"),
  ],
)
def test_what_has_no_batches_is_a_sentence(change, said):
  with pytest.raises(InputError, match=said):
    t5x_rows.get_dataset(DatasetConfig(**change), 0, 2, RowConverter)


def test_rows_of_others_are_refused():
  import tensorflow as tf

  dataset = tf.data.Dataset.from_tensors({"targets": [1, 2]})
  with pytest.raises(InputError, match="no rows of this project"):
    RowConverter(pack=False)(dataset, {"targets": 2})
