"""Which tokens may be drawn, against transformers' own filters and against a sort."""

import jax
import numpy as np
from numpy.testing import assert_array_equal
import pytest

from codegen_jax.inference import filtering, sampling
from codegen_jax.inference.settings import SamplingConfig

LOGITS = np.random.default_rng(0).normal(0, 3, (6, 50)).astype(np.float32)


def by_sort(logits: np.ndarray, p: float) -> np.ndarray:
  """A token stays while those that are likelier do not reach p; float64."""
  probabilities = np.exp(logits.astype(np.float64))
  probabilities /= probabilities.sum(-1, keepdims=True)
  above = [[row[row > x].sum() for x in row] for row in probabilities]
  return np.array(above) < p


@pytest.mark.parametrize("p", [0.01, 0.3, 0.5, 0.9, 0.999])
def test_top_p_keeps_what_a_sort_keeps(p):
  got = jax.jit(filtering.top_p)(LOGITS, np.array(p, np.float32))
  assert_array_equal(np.isfinite(got), by_sort(LOGITS, p))
  assert_array_equal(got[np.isfinite(got)], LOGITS[np.isfinite(got)])
  assert np.isfinite(got).any(axis=1).all()


@pytest.mark.parametrize("k", [1, 2, 7, 50, 1000])
def test_top_k_keeps_the_k_largest(k):
  got = jax.jit(filtering.top_k)(LOGITS, np.array(k, np.int32))
  wanted = np.sort(LOGITS, axis=1)[:, -min(k, 50)][:, None] <= LOGITS
  assert_array_equal(np.isfinite(got), wanted)


def test_half_of_the_probability_is_one_of_two_equal_halves_and_so_both():
  logits = np.log(np.array([[0.25, 0.25, 0.5], [0.5, 0.5, 1e-9]], np.float32))
  got = np.isfinite(filtering.top_p(logits, np.array(0.5, np.float32)))
  assert_array_equal(got, [[False, False, True], [True, True, False]])


def test_signs_zeros_and_infinities_are_in_order():
  logits = np.array([[-np.inf, -1.0, -0.0, 1e-30, 1.0, 3e38]], np.float32)
  for k in range(1, 7):
    got = np.asarray(filtering.top_k(logits, np.array(k, np.int32)))[0]
    assert_array_equal(got[-k:], logits[0, -k:])
    assert_array_equal(got[:-k], -np.inf)


def test_two_neighbouring_floats_are_told_apart():
  for value in (1.0, -1.0, 1e-30, -3e38):
    value = np.float32(value)
    row = np.array([[value, np.nextafter(value, np.float32(np.inf))]], np.float32)
    got = np.isfinite(filtering.top_k(row, np.array(1, np.int32)))
    assert_array_equal(got, [[False, True]])
  equal = np.array([[0.0, 0.0, np.nextafter(np.float32(0.0), np.float32(-1.0))]], np.float32)
  assert_array_equal(np.isfinite(filtering.top_k(equal, np.array(2, np.int32)))[0, :2], True)


@pytest.mark.parametrize(
  "config",
  [
    SamplingConfig(temperature=0.7),
    SamplingConfig(top_k=5),
    SamplingConfig(top_p=0.8),
    SamplingConfig(temperature=1.5, top_k=20, top_p=0.6),
    SamplingConfig(temperature=0.2, top_k=3, top_p=0.95),
    SamplingConfig(temperature=3.0, top_k=8, top_p=0.75),
  ],
  ids=str,
)
def test_filters_and_their_order_are_those_of_transformers(config):
  torch = pytest.importorskip("torch")
  process = pytest.importorskip("transformers.generation.logits_process")
  wanted = process.TemperatureLogitsWarper(config.temperature)(None, torch.tensor(LOGITS))
  if config.top_k:
    wanted = process.TopKLogitsWarper(config.top_k)(None, wanted)
  if config.top_p < 1:
    wanted = process.TopPLogitsWarper(config.top_p)(None, wanted)
  got = sampling.filtered(LOGITS, sampling.numbers(config), sampling.kind(config))
  np.testing.assert_allclose(got, wanted.numpy(), rtol=1e-6)
  assert np.isfinite(got).sum() != LOGITS.size or config == SamplingConfig(temperature=0.7)
