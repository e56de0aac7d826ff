"""Spikes and skipped updates."""

import json

import pytest

from codegen_jax.training.health import ENOUGH, WINDOW, Health


def losses(number: int) -> list[float]:
  return [4.0 + 0.1 * (n % 5) for n in range(number)]


def test_a_spike_is_flagged_and_does_not_hide_the_next():
  health = Health(spike=6.0)
  assert not any(health.see(loss, skipped=False) for loss in losses(ENOUGH))
  assert [health.see(loss, skipped=False) for loss in (9.0, 4.1, 9.0, 4.9)] == [
    True, False, True, False,
  ]  # fmt: skip


def test_few_losses_and_a_zero_flag_nothing():
  assert not any(Health(6.0).see(loss, skipped=False) for loss in (*losses(ENOUGH - 1), 9e9))
  assert not any(Health(0.0).see(loss, skipped=False) for loss in (*losses(WINDOW), 9e9))


def test_skipped_updates_are_counted_in_a_row():
  health = Health(6.0)
  seen = []
  for skipped in (True, True, False, True):
    health.see(float("nan"), skipped=skipped)
    seen.append(health.in_a_row)
  assert seen == [1, 2, 0, 1]


def test_it_goes_on_from_what_was_saved():
  many = [*losses(300), 7.0, *losses(20)]
  whole, first = Health(6.0), Health(6.0)
  told = [whole.see(loss, skipped=False) for loss in many]
  begun = [first.see(loss, skipped=False) for loss in many[:150]]
  second = Health(6.0, json.loads(json.dumps(first.state)))
  assert begun + [second.see(loss, skipped=False) for loss in many[150:]] == told
  assert any(told) and second.state == whole.state
  assert len(second.state["window"]) == WINDOW


def test_the_score_is_the_mean_since_it_was_asked():
  health = Health(6.0)
  for loss in (1.0, 3.0):
    health.see(loss, skipped=False)
  assert health.score() == pytest.approx(2.0)
  assert health.score() is None
