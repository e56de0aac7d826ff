"""Collectives on a torus: who takes part, how much they move, how long it takes."""

import pytest

from codegen_jax.plan import collectives, hlo, topology

V4 = topology.parse("v4:4x4x8")
LINK = V4.chip.link
GROUPS = {
  "replica_groups=[4,32]<=[128]": range(32),
  "replica_groups=[64,2]<=[2,64]T(1,0)": (0, 64),
  "replica_groups={{0,1,2,3},{4,5,6,7}}": range(4),
  "replica_groups=mesh['axis_0'=64,'axis_1'=2] {'axis_0'}": range(0, 128, 2),
  "replica_groups=mesh['axis_0'=64,'axis_1'=2] {'axis_0','axis_1'}": range(128),
  "replica_groups=mesh['axis_0'=64] {'axis_0':(1)16}": range(0, 64, 4),
  "replica_groups=mesh['axis_0'=64] {'axis_0':(4)16}": range(16),
  "channel_id=3": range(128),  # nothing said: all
}


@pytest.mark.parametrize(("text", "group"), GROUPS.items())
def test_a_group_is_read_in_each_way_that_it_is_written(text, group):
  assert collectives.first_group(text, V4.chips) == [*group]


def test_between_slices_each_chip_sends_its_part_over_the_network():
  two = topology.parse("v4-256", slices=2)
  line = "f32[1000,1000]{1,0} all-reduce(%x), replica_groups=[128,2]<=[2,128]T(1,0)"
  got = timed(line, two)
  # Two chips, one a slice: each sends half of a sum's array twice.
  assert got.seconds == pytest.approx(2 * 4e6 * (1 / 2) / collectives.NETWORK)
  inside = timed("f32[1000,1000]{1,0} all-reduce(%x), replica_groups=[2,128]<=[256]", two)
  assert inside.seconds < got.seconds / 20


def timed(line: str, where: topology.Topology = V4) -> collectives.Collective:
  module = hlo.parse(f"ENTRY %main (x: f32[]) -> f32[] {{\n  %c = {line}\n}}\n")
  return collectives.of(module.computations["main"]["c"], where)


def test_a_gather_receives_all_but_its_own_share_along_each_axis():
  got = timed("bf16[128,1024]{1,0} all-gather(%x), replica_groups=[1,128]<=[128]")
  assert got.num_bytes == 128 * 1024 * 2
  ideal = got.num_bytes * 127 / 128 / (2 * 3 * LINK)
  assert got.seconds == pytest.approx(ideal + 1e-6 * 128 ** (1 / 3))


def test_a_sum_moves_everything_twice():
  gather = timed("f32[128,4096]{1,0} all-gather(%x), replica_groups=[1,128]<=[128]")
  total = timed("f32[128,4096]{1,0} all-reduce(%x), replica_groups=[1,128]<=[128]")
  hops = 1e-6 * 128 ** (1 / 3)
  assert total.seconds - hops == pytest.approx(2 * (gather.seconds - hops))


def test_a_started_gather_counts_what_is_received_and_not_what_is_sent():
  started = timed(
    "(bf16[1,1024]{1,0}, bf16[128,1024]{1,0}) all-gather-start(%x), replica_groups=[1,128]<=[128]"
  )
  assert started.num_bytes == pytest.approx(128 * 1024 * 2)


def test_a_scatter_counts_the_whole_array_that_is_summed():
  got = timed("f32[1,1024]{1,0} reduce-scatter(%x), replica_groups=[1,128]<=[128]")
  assert got.num_bytes == 128 * 1024 * 4


def test_a_group_inside_one_axis_uses_one_axis():
  inside = timed("f32[4,4096]{1,0} all-gather(%x), replica_groups=[32,4]<=[128]")
  assert inside.seconds == pytest.approx(4 * 4096 * 4 * 3 / 4 / (2 * LINK) + 4e-6)
