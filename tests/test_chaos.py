"""A short form of `make chaos`."""

import random

import pytest

from tests import chaos
from tests.environment import ENVIRONMENT


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bits(tmp_path, monkeypatch):
  monkeypatch.setenv("XLA_FLAGS", ENVIRONMENT["XLA_FLAGS"])
  kills, toy = len(chaos.MOMENTS), ["tests/gin/toy.gin"]
  mixture = "toy_long_span_corruption"
  assert chaos.chaos(mixture, tmp_path, kills, 60, random.Random(1), toy)


def test_a_difference_is_seen(tmp_path, monkeypatch):
  """Of one bit, in whatever is compared."""
  told = iter(
    [{"params": "a" * 64, "opt_state": "b"}, {"params": "a" * 63 + "c", "opt_state": "b"}]
  )
  monkeypatch.setattr(chaos, "told", lambda workdir: next(told))
  monkeypatch.setattr(chaos, "_start", lambda *_: None)
  monkeypatch.setattr(chaos, "_finish", lambda _: None)
  assert not chaos.chaos("local_code_clm", tmp_path, 0, 4, random.Random(0))
