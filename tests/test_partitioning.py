"""One run on five meshes: the same numbers, in the places that the table says."""

import dataclasses
import functools
from types import SimpleNamespace
from unittest import mock

from flax import linen as nn
import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import optax
import pytest

from codegen_jax import partitioning
from codegen_jax.errors import InputError
from codegen_jax.models.transformer import Transformer
from codegen_jax.partitioning import PartitioningConfig
from codegen_jax.training import state as train_state
from codegen_jax.training.optimizer import OptimizerConfig, make_optimizer
from codegen_jax.training.step import make_train_step
from tests.tiny import CONFIG, random_batch

MODEL = Transformer(CONFIG)
OPTIMIZER = make_optimizer(OptimizerConfig(0.01, 0.001, 0, 10))
BATCH = random_batch(np.random.default_rng(0), 8, 12)
ONE, DATA, FSDP, ALL = (1, 1, 1), (8, 1, 1), (1, 8, 1), (2, 2, 2)
on_every_mesh = pytest.mark.parametrize("sizes", [DATA, FSDP, ALL], ids=str)


def mesh_of(sizes: tuple[int, int, int]) -> jax.sharding.Mesh:
  return partitioning.make_mesh(PartitioningConfig(*sizes))


@functools.cache
def run(
  sizes: tuple[int, int, int], microbatches: int = 1, *, chunks: int = 1, split: bool = False
) -> SimpleNamespace:
  """Three steps, as the training loop makes them."""
  mesh = mesh_of(sizes)
  first = state = train_state.create(MODEL, OPTIMIZER, mesh, seed=0)
  # A copy, because a buffer that numpy looks at cannot be donated.
  drawn = jax.device_get(jax.tree.map(jnp.copy, state.params))
  places = jax.tree.map(lambda leaf: leaf.sharding, state), partitioning.replicated(mesh)
  step = make_train_step(
    MODEL, OPTIMIZER, attention="prefix", z_loss=1e-4, microbatches=microbatches,
    loss_chunks=chunks,
  )  # fmt: skip
  step = jax.jit(step, donate_argnums=0, out_shardings=places)
  batch = jax.device_put(BATCH, partitioning.batch_sharding(mesh, len(BATCH.inputs)))
  rows = []
  with partitioning.on(mesh, PartitioningConfig(*sizes, split_residual=split).rules):
    for _ in range(3):
      state, metrics = step(state, batch)
      rows.append(jax.device_get(metrics))
  return SimpleNamespace(first=first, drawn=drawn, state=state, metrics=rows)


@pytest.mark.parametrize(
  ("sizes", "microbatches", "changes"),
  [
    (DATA, 1, {}),
    (FSDP, 1, {}),
    (ALL, 1, {}),
    (ALL, 2, {}),
    (ALL, 1, {"chunks": 3}),
    (ALL, 1, {"split": True}),
  ],
  ids=str,
)
def test_every_mesh_trains_alike(sizes, microbatches, changes):
  wanted, got = run(ONE), run(sizes, microbatches, **changes)
  for name in ("loss", "z_loss", "grad_norm", "scored_tokens", "all_tokens"):
    assert_allclose([m[name] for m in got.metrics], [m[name] for m in wanted.metrics], rtol=2e-5)
  losses = [m["loss"] for m in got.metrics]
  assert losses[0] > losses[1] > losses[2]


@on_every_mesh
def test_every_mesh_draws_the_same_weights(sizes):
  jax.tree.map(assert_array_equal, run(sizes).drawn, run(ONE).drawn)


# What one device holds of some weights, by hand from their shapes and the table's rules.
HELD = {
  "embedding.table": {ONE: (48, 32), DATA: (48, 32), FSDP: (48, 4), ALL: (24, 16)},
  "blocks.norm.scale": {ONE: (2, 32), DATA: (2, 32), FSDP: (2, 32), ALL: (2, 32)},
  "blocks.attention.query.kernel": {
    ONE: (2, 32, 4, 6), DATA: (2, 32, 4, 6), FSDP: (2, 4, 4, 6), ALL: (2, 16, 2, 6),
  },
  "blocks.attention.out.kernel": {
    ONE: (2, 4, 6, 32), DATA: (2, 4, 6, 32), FSDP: (2, 4, 6, 4), ALL: (2, 2, 6, 16),
  },
  "blocks.mlp.in.kernel": {
    ONE: (2, 32, 128), DATA: (2, 32, 128), FSDP: (2, 4, 128), ALL: (2, 16, 64),
  },
  "blocks.mlp.in.bias": {ONE: (2, 128), DATA: (2, 128), FSDP: (2, 128), ALL: (2, 64)},
  "head.kernel": {ONE: (32, 48), DATA: (32, 48), FSDP: (4, 48), ALL: (16, 24)},
  "head.bias": {ONE: (48,), DATA: (48,), FSDP: (48,), ALL: (24,)},
}  # fmt: skip


@pytest.mark.parametrize("sizes", [ONE, DATA, FSDP, ALL], ids=str)
def test_weights_and_their_moments_live_where_the_table_says(sizes):
  state = run(sizes).state  # after three steps, so that none has wandered
  moments = (optax.tree_utils.tree_get(state.opt_state, name) for name in ("mu", "nu"))
  for tree in (state.params, *moments):
    for name, held in HELD.items():
      weight = functools.reduce(lambda node, key: node[key], name.split("."), tree)
      assert {shard.data.shape for shard in weight.addressable_shards} == {held[sizes]}, name


def test_a_kernel_is_split_along_named_axes():
  kernel = run(ALL).state.params["blocks"]["attention"]["query"]["kernel"]
  assert kernel.sharding.is_equivalent_to(
    NamedSharding(mesh_of(ALL), PartitionSpec(None, "fsdp", "model", None)), kernel.ndim
  )


def test_rows_are_split_over_data_and_fsdp_and_copied_over_model():
  places = partitioning.batch_sharding(mesh_of(ALL), 8)
  assert places.shard_shape((8, 12)) == (2, 12)
  held = places.devices_indices_map((8, 12)).values()
  assert sorted(rows.start for rows, _ in held) == [0, 0, 2, 2, 4, 4, 6, 6]


@pytest.mark.parametrize("sizes", [ONE, DATA, FSDP, ALL], ids=str)
def test_the_old_state_is_given_up_whole(sizes):
  assert all(leaf.is_deleted() for leaf in jax.tree.leaves(run(sizes).first))


@on_every_mesh
def test_an_abstract_state_tells_where_the_real_one_lives(sizes):
  abstract = train_state.abstract(MODEL, OPTIMIZER, mesh_of(sizes))
  told = jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), abstract)
  state = run(sizes).state
  assert told == jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), state)
  same = lambda a, b: a.sharding.is_equivalent_to(b.sharding, a.ndim)  # noqa: E731
  assert all(jax.tree.leaves(jax.tree.map(same, abstract, state)))


def test_an_axis_without_a_rule_is_an_error():
  assert partitioning.spec(("embed", None, "heads")) == PartitionSpec("fsdp", None, "model")
  with pytest.raises(ValueError, match="no rule says where the logical axis 'expert' lives"):
    partitioning.spec(("embed", "expert"))
  weight = nn.LogicallyPartitioned(np.zeros((2, 2)), ("embed", "expert"))
  with pytest.raises(ValueError, match="'expert'"):
    partitioning.state_sharding({"weight": weight}, mesh_of(ALL))


def test_a_weight_that_cannot_be_split_evenly_is_refused():
  with pytest.raises(InputError) as refusal:
    train_state.abstract(MODEL, OPTIMIZER, mesh_of((1, 1, 8)))
  assert str(refusal.value) == (
    ".params['blocks']['attention']['key']['kernel'] has 4 heads and the mesh splits them 8 ways;"
    " the nearest that divides all that is split so is model = 4"
  )


@pytest.mark.parametrize(
  ("change", "sizes", "said"),
  [
    ({"num_heads": 8, "vocab_size": 44}, (1, 1, 8), "has 44 vocab .* 8 ways; .* is model = 4$"),
    ({"embed_dim": 30}, (1, 8, 1), "has 30 embed .* 8 ways; .* is fsdp = 6$"),
    ({"mlp_dim": 129}, (1, 1, 2), "has 129 mlp .* 2 ways; .* is model = 1$"),
  ],
)
def test_the_nearest_split_divides_everything_that_is_split_so(change, sizes, said):
  model = Transformer(dataclasses.replace(CONFIG, **change))
  with pytest.raises(InputError, match=said):
    train_state.abstract(model, OPTIMIZER, mesh_of(sizes))


def test_rows_that_cannot_be_shared_evenly_are_refused():
  with pytest.raises(InputError) as refusal:
    partitioning.batch_sharding(mesh_of(ALL), 6)
  assert str(refusal.value) == (
    "BATCH_SIZE is 6 rows, which cannot be shared evenly among 4 (data x fsdp);"
    " the nearest that can is 4"
  )
  with pytest.raises(InputError, match=r"the nearest that can is 8$"):
    partitioning.batch_sharding(mesh_of(DATA), 3)
  with pytest.raises(InputError, match=r"among 8 \(data x fsdp x microbatches\)"):
    partitioning.batch_sharding(mesh_of(ALL), 4, microbatches=2)


@pytest.mark.parametrize(
  ("asked", "got"),
  [
    ((-1, 1, 1), (8, 1, 1)),
    ((-1, 2, 2), (2, 2, 2)),
    ((2, -1, 1), (2, 4, 1)),
    ((1, 4, -1), (1, 4, 2)),
    ((8, 1, -1), (8, 1, 1)),
    ((2, 1, 1), (2, 1, 1)),
  ],
)
def test_minus_one_takes_the_devices_that_remain(asked, got):
  mesh = mesh_of(asked)
  assert dict(mesh.shape) == dict(zip(("data", "fsdp", "model"), got, strict=True))


@pytest.mark.parametrize(
  ("sizes", "sentence"),
  [
    ((16, 1, 1), "data 16 x fsdp 1 x model 1 asks for 16 devices and there are 8"),
    ((4, 4, 1), r"asks for 16 devices and there are 8; .* JAX_NUM_CPU_DEVICES=16$"),
    ((-1, 3, 1), "data -1 x fsdp 3 x model 1 asks for a multiple of 3 devices and there are 8"),
    ((-1, 16, 1), "asks for a multiple of 16 devices and there are 8"),
    ((-1, -1, 1), "at most one of them may be -1"),
    ((0, 1, 1), "data=0, fsdp=1, model=1 cannot be made: each axis is at least 1"),
    ((1, -2, 1), "each axis is at least 1"),
  ],
)
def test_meshes_that_cannot_be_are_refused(sizes, sentence):
  with pytest.raises(InputError, match=sentence):
    mesh_of(sizes)


def test_one_process_reads_every_row():
  places = partitioning.batch_sharding(mesh_of(ALL), 8)
  assert partitioning.local_rows(places, (8, 12)) == range(8)
  assert partitioning.local_rows(partitioning.replicated(mesh_of(ALL)), (8, 12)) == range(8)


def held_here(*rows: slice) -> NamedSharding:
  """A sharding of which this process has devices with these rows."""
  places = mock.Mock(spec=NamedSharding)
  indices = {device: (of_device, slice(12)) for device, of_device in enumerate(rows)}
  places.addressable_devices_indices_map.return_value = indices
  return places


def test_a_process_reads_the_rows_of_its_devices():
  places = held_here(slice(6, 8), slice(4, 6), slice(4, 6))
  assert partitioning.local_rows(places, (8, 12)) == range(4, 8)
  assert partitioning.local_rows(held_here(slice(None), slice(None)), (8, 12)) == range(8)


def test_a_process_whose_rows_are_scattered_is_refused():
  with pytest.raises(ValueError, match="not in one piece"):
    partitioning.local_rows(held_here(slice(0, 2), slice(4, 6)), (8, 12))


def device(number: int, *, platform: str, slice_index: int) -> mock.Mock:
  """As far as a mesh asks: four to a slice, which is a torus of 2 x 2."""
  return mock.Mock(
    spec=jax.Device, id=number, platform=platform, device_kind="none", process_index=slice_index,
    slice_index=slice_index, coords=[number % 2, number // 2 % 2, 0], core_on_chip=0,
  )  # fmt: skip


def machine(platform: str, slices: int) -> list:
  return [device(i, platform=platform, slice_index=i // 4) for i in range(4 * slices)]


@pytest.mark.parametrize("platform", ["tpu", "cpu"])
@pytest.mark.parametrize("data", [4, -1])
def test_a_copy_of_the_model_lies_in_one_slice(platform, data):
  config = PartitioningConfig(data=data, fsdp=1, model=2, slices=2)
  placed = partitioning.make_mesh(config, machine(platform, 2)).devices
  assert placed.shape == (4, 1, 2)
  slices = np.vectorize(lambda device: device.slice_index)(placed)
  assert slices[:, 0].tolist() == [[0, 0], [0, 0], [1, 1], [1, 1]]


@pytest.mark.parametrize(
  ("platform", "config", "said"),
  [
    ("tpu", {}, "slices is 1 and the 8 devices lie in 2 slices; set .*slices=2$"),
    ("tpu", {"slices": 4}, "slices is 4 and the 8 devices lie in 2 slices"),
    ("cpu", {"slices": 4}, "slices is 4 and the 8 devices lie in 2 processes; set .*slices=2$"),
    ("tpu", {"model": 8, "slices": 2}, "data is 1 and slices is 2: .* the nearest is 2$"),
    ("tpu", {"slices": 0}, "slices is 0; it must be at least 1"),
  ],
)
def test_slices_that_are_not_there_or_cut_a_model_are_refused(platform, config, said):
  with pytest.raises(InputError, match=said):
    partitioning.make_mesh(PartitioningConfig(**config), machine(platform, 2))


def test_a_torus_is_split_as_the_mesh_asks():
  """Eight by two on a torus of 4 x 4 takes a part of an axis; a model's halves are neighbours."""
  chips = [device(i, platform="tpu", slice_index=0) for i in range(16)]
  for i, chip in enumerate(chips):
    chip.coords = [i % 4, i // 4, 0]
  placed = partitioning.make_mesh(PartitioningConfig(data=8, model=2), chips).devices
  assert placed.shape == (8, 1, 2)
  for one, other in placed[:, 0]:
    assert sum(abs(a - b) for a, b in zip(one.coords, other.coords, strict=True)) == 1
