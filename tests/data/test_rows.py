import dataclasses
import itertools

import numpy as np
import pytest
import seqio

from codegen_jax.data.batching import FIELDS, stack, to_row
from codegen_jax.data.objectives import CausalLM, PerFile, PrefixLM
from codegen_jax.data.rows import RowSource
from codegen_jax.data.seqio_rows import as_batch
from codegen_jax.errors import InputError
from codegen_jax.types import Batch
from tests.data import toy

L = 7


def rows(source: RowSource, *, epoch: int, seed: int = 0, shuffle: bool = True) -> list[Batch]:
  where = {"seed": seed, "epoch": epoch, "length": L, "shuffle": shuffle}
  examples = [
    source.example("train", row=row, **where) for row in range(source.num_rows("train", L))
  ]
  return [to_row(example, L) for example in examples]


def through_seqio(name: str, *, length: int = L, **changes) -> list[Batch]:
  settings = {"split": "train", "shuffle": True, "seed": 0} | changes
  lengths = {"targets": length}
  dataset = seqio.get_mixture_or_task(name).get_dataset(sequence_length=lengths, **settings)
  return [as_batch(features) for features in dataset.batch(1).as_numpy_iterator()]


def assert_same(got: list[Batch], expected: list[Batch]) -> None:
  got, expected = stack(got), stack(expected)
  for name in FIELDS:
    np.testing.assert_array_equal(getattr(got, name), getattr(expected, name), name)


@pytest.mark.parametrize("length", [2, 7, 16, 1000])
@pytest.mark.parametrize("epoch", [0, 1])
def test_an_epoch_reads_every_token_once(length, epoch):
  source, where = toy.source("toy_code_clm"), {"seed": 3, "epoch": epoch, "length": length}
  pieces = []
  for row in range(source.num_rows("train", length)):
    place = source.place("train", row=row, **where)
    tokens = source.example("train", row=row, **where).tokens
    pieces.append((place.start, place.stop, tokens.tolist()))
  pieces.sort()
  assert [token for *_, tokens in pieces for token in tokens] == toy.tokens(toy.CODE["train"])
  assert [stop for _, stop, _ in pieces[:-1]] == [start for start, *_ in pieces[1:]]
  assert all(len(tokens) == length for *_, tokens in pieces[:-1])


def test_every_seed_and_every_epoch_is_another_order():
  source = toy.source("toy_code_clm")
  places = [
    tuple(
      source.place("train", seed=seed, epoch=epoch, row=row, length=2).start for row in range(20)
    )
    for seed, epoch in itertools.product([0, 1, 2], [0, 1, 2])
  ]
  assert len(set(places)) == 9


def test_arms_that_differ_in_their_objective_read_the_same_text():
  clm, prefix_lm, other = (
    stack(rows(toy.source(name), epoch=1))
    for name in ("toy_code_clm", "toy_code_prefix_lm", "toy_prose_clm")
  )
  np.testing.assert_array_equal(clm.inputs, prefix_lm.inputs)
  np.testing.assert_array_equal(clm.segment_ids, prefix_lm.segment_ids)
  assert prefix_lm.prefix_mask.any() and not clm.prefix_mask.any()
  assert not set(other.inputs.flat) <= set(clm.inputs.flat)


def test_no_two_rows_share_their_noise():
  noise = [
    row.inputs.tobytes()
    for name, epoch, seed in itertools.product(
      ["toy_code_noise", "toy_prose_noise"], [0, 1], [0, 1]
    )
    for row in rows(toy.source(name), epoch=epoch, seed=seed)
  ]
  assert len(set(noise)) == len(noise) > 40


def test_a_row_is_the_same_on_every_host():
  here = toy.source("toy_code_prefix_lm")
  there = RowSource(
    "toy_code_prefix_lm",
    corpus="toy_code",
    splits={"train": lambda: here.store("train")},
    objective=PerFile(PrefixLM()),
  )
  assert_same(rows(there, epoch=1)[::-1], rows(here, epoch=1)[::-1])


@pytest.mark.parametrize("length", [2, 7, 1000])
def test_paths_name_the_documents_of_a_row_as_its_segments_number_them(length):
  source, seen = toy.source("toy_code_clm"), []
  for row in range(source.num_rows("train", length)):
    example = source.example("train", seed=0, epoch=0, row=row, length=length, shuffle=False)
    paths = source.paths("train", seed=0, epoch=0, row=row, length=length, shuffle=False)
    assert sorted(set(example.segment_ids)) == list(range(1, len(paths) + 1))
    seen += [
      (paths[n - 1], token) for n, token in zip(example.segment_ids, example.tokens, strict=True)
    ]
  documents = toy.CODE["train"].items()
  assert seen == [(path, token) for path, ids in documents for token in [*ids, toy.EOS]]


def test_a_split_that_is_not_there_is_named_with_those_that_are():
  with pytest.raises(InputError, match="no split 'test'; its splits are train, validation"):
    toy.source("toy_code_clm").num_rows("test", L)


@pytest.mark.parametrize("shuffle", [True, False])
def test_seqio_reads_the_same_rows_by_name(shuffle):
  source = toy.source("toy_code_prefix_lm")
  got = through_seqio("toy_code_prefix_lm", shuffle=shuffle, num_epochs=2)
  assert_same(got, [row for epoch in (0, 1) for row in rows(source, epoch=epoch, shuffle=shuffle)])


@pytest.mark.parametrize("seed", [1, 2**32 - 1])
def test_seqio_hands_on_the_seed_and_the_split(seed):
  source = toy.source("toy_code_noise")
  assert_same(through_seqio("toy_code_noise", seed=seed), rows(source, epoch=0, seed=seed))
  example = source.example("validation", seed=seed, epoch=0, row=0, length=L)
  got = through_seqio("toy_code_noise", seed=seed, split="validation")
  assert_same(got, [to_row(example, L)])


def test_seqio_without_a_seed_draws_one():
  first, second = (through_seqio("toy_code_noise", seed=None) for _ in range(2))
  assert first[0].inputs.tolist() != second[0].inputs.tolist()


@pytest.mark.parametrize("num_shards", [1, 2, 3])
def test_seqio_shards_are_the_rows_dealt_out(num_shards):
  shards = [
    through_seqio("toy_code_noise", num_epochs=2, shard_info=seqio.ShardInfo(i, num_shards))
    for i in range(num_shards)
  ]
  source = toy.source("toy_code_noise")
  for i, shard in enumerate(shards):
    epochs = [rows(source, epoch=epoch)[i::num_shards] for epoch in (0, 1)]
    assert_same(shard, [row for epoch in epochs for row in epoch])
  noise = [row.inputs.tobytes() for shard in shards for row in shard]
  assert len(set(noise)) == len(noise) == 2 * source.num_rows("train", L)


def test_a_pre_packed_converter_passes_the_rows_on():
  dataset = seqio.get_dataset(
    "toy_code_prefix_lm",
    task_feature_lengths={"targets": L},
    feature_converter=seqio.PrePackedLMFeatureConverter(),
    shuffle=True,
    seed=0,
  )
  got = next(dataset.batch(100).as_numpy_iterator())
  expected = stack(rows(toy.source("toy_code_prefix_lm"), epoch=0))
  np.testing.assert_array_equal(got["decoder_input_tokens"], expected.inputs)
  np.testing.assert_array_equal(got["decoder_target_tokens"], expected.targets)
  np.testing.assert_array_equal(got["decoder_loss_weights"], expected.loss_mask)
  np.testing.assert_array_equal(got["decoder_segment_ids"], expected.segment_ids)
  np.testing.assert_array_equal(got["decoder_positions"], expected.positions)


def test_a_prefix_converter_reads_inputs_and_targets_as_one_row():
  dataset = seqio.get_dataset(
    "toy_code_prefix_lm",
    task_feature_lengths={"inputs": 3, "targets": L - 3},
    feature_converter=seqio.PrePackedPrefixLMFeatureConverter(),
    shuffle=True,
    seed=0,
  )
  got = [as_batch(features) for features in dataset.batch(1).as_numpy_iterator()]
  assert_same(got, rows(toy.source("toy_code_prefix_lm"), epoch=0))


def test_seqio_mixes_our_rows():
  tasks = [toy.source(name) for name in ("toy_code_noise", "toy_prose_noise")]
  known = {row.inputs.tobytes() for task in tasks for row in rows(task, epoch=0)}
  mixed = [row.inputs.tobytes() for row in through_seqio("toy_noise", num_epochs=1)]
  assert len(set(mixed)) == len(mixed) and set(mixed) <= known


def test_a_row_needs_a_length():
  with pytest.raises(InputError, match="needs a row length"):
    seqio.get_mixture_or_task("toy_code_clm").get_dataset(split="train", shuffle=False)


@dataclasses.dataclass(frozen=True)
class Telling(CausalLM):
  setting: object


def test_an_objective_that_does_not_tell_its_settings_is_refused():
  RowSource("toy", corpus="toy", splits={}, objective=Telling(len))
  with pytest.raises(InputError, match=r"objective of the task toy .*make it a frozen dataclass"):
    RowSource("toy", corpus="toy", splits={}, objective=Telling(lambda: None))
