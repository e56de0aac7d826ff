"""Names of pods, and what is said of those that do not exist."""

import importlib.util

import pytest

from codegen_jax.errors import InputError
from codegen_jax.plan import chips, topology

needs_libtpu = pytest.mark.skipif(
  importlib.util.find_spec("libtpu") is None, reason="libtpu is not installed"
)


@pytest.mark.parametrize(
  ("name", "chip", "number"),
  [
    ("v4:4x4x8", "v4", 128),
    ("v4-256", "v4", 128),
    ("v5p-128", "v5p", 64),
    ("v5e-64", "v5e", 64),
    ("v5litepod-64", "v5e", 64),
    ("v6e:16x16", "v6e", 256),
    (" V4-32", "v4", 16),
  ],
)
def test_a_slice_is_named_by_its_shape_or_as_it_is_sold(name, chip, number):
  got = topology.parse(name)
  assert (got.chip.name, got.chips) == (chip, number)


def test_slices_are_counted_together():
  assert topology.parse("v4-256", slices=2).chips == 256
  assert str(topology.parse("v4-256", 2)) == "2 slices of v4:4x4x8 (v4-256)"


@pytest.mark.parametrize(
  ("name", "said"),
  [
    ("v4", r"write a generation and a shape or a size, e.g. v4:4x4x8"),
    ("v7-8", r"there is no TPU 'v7'; there is v4, v5e, v5p, v6e"),
    ("v4-300", r"no slice v4-300; the nearest is v4:4x4x8 \(v4-256, 128 chips\)"),
    ("v4-255", r"the nearest is v4:4x4x8"),
    ("v4:4x4x9", r"no slice v4:4x4x9; the nearest is v4:4x4x8"),
    ("v5e:4x4x4", r"the nearest is v5e:8x8 \(v5e-64, 64 chips\)"),
    ("v4:0x0x0", r"the nearest is v4:2x2x1"),
  ],
)
def test_a_slice_that_does_not_exist_is_a_sentence_with_the_nearest(name, said):
  with pytest.raises(InputError, match=said):
    topology.parse(name)


@needs_libtpu
@pytest.mark.slow
@pytest.mark.parametrize("chip", chips.CHIPS.values(), ids=lambda chip: chip.name)
def test_libtpu_describes_every_shape(chip):
  for number, shape in chip.shapes.items():
    devices = topology.describe(topology.Topology(chip, shape))
    assert len(devices) == number
    assert {device.device_kind for device in devices} == {chip.kind}


@needs_libtpu
def test_devices_of_several_slices_know_theirs():
  devices = topology.describe(topology.parse("v4-8", slices=2))
  assert sorted(device.slice_index for device in devices) == [0] * 4 + [1] * 4


def test_a_missing_libtpu_is_a_sentence(monkeypatch):
  monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
  with pytest.raises(InputError, match=r"libtpu, which is not installed; pip install"):
    topology.describe(topology.parse("v4-8"))
