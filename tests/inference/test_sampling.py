"""Noise is a function of a sample's name; tokens occur as often as they should."""

import jax
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest
import scipy.special
import scipy.stats

from codegen_jax.errors import InputError
from codegen_jax.inference import sampling
from codegen_jax.inference.settings import SamplingConfig

LOGITS = np.random.default_rng(1).normal(0, 1.5, 12).astype(np.float32)


def drawn(config: SamplingConfig, names, index: int = 0) -> np.ndarray:
  draw = jax.jit(sampling.next_token, static_argnums=4)
  keys = sampling.keys(np.array(config.seed, np.uint32), np.array(names, np.uint32))
  logits = np.tile(LOGITS, (len(names), 1))
  return draw(
    logits, keys, np.array(index, np.int32), sampling.numbers(config), sampling.kind(config)
  )


@pytest.mark.parametrize(
  "config",
  [
    SamplingConfig(),
    SamplingConfig(temperature=0.5),
    SamplingConfig(temperature=1.3, top_k=6, top_p=0.9),
  ],
  ids=["plain", "cool", "filtered"],
)
def test_tokens_occur_as_often_as_their_probability_says(config):
  logits = sampling.filtered(LOGITS[None], sampling.numbers(config), sampling.kind(config))
  expected = 4000 * scipy.special.softmax(np.asarray(logits, np.float64))[0]
  names = [sampling.name_words("task", "problem", n) for n in range(4000)]
  counts = np.bincount(drawn(config, names)[0], minlength=len(LOGITS))
  assert not counts[expected == 0].any()
  possible = expected > 0
  assert scipy.stats.chisquare(counts[possible], expected[possible]).pvalue > 0.01


def test_a_change_of_any_part_of_a_name_or_of_the_token_is_other_noise():
  word = sampling.name_words
  names = [("a", "b"), ("a", "c"), ("c", "b"), ("b", "a"), ("ab", ""), ("", "ab")]
  words = [word(*name, sample) for name in names for sample in range(50)]
  draws = [drawn(SamplingConfig(seed=s), words, i)[0] for s in range(2) for i in range(2)]
  rows = np.stack(draws).reshape(-1, 50)  # samples of one name, seed and index
  for i, row in enumerate(rows):
    assert len(set(row.tolist())) > 3
    for other in rows[i + 1 :]:
      assert np.mean(row == other) < 0.5


def test_names_are_the_same_in_every_process():
  assert_array_equal(sampling.name_words("HumanEval", "0", 7), [2892814795, 4108050209, 7])


def test_log_probabilities_are_the_networks_own():
  config = SamplingConfig(temperature=0.5, top_k=2)
  tokens, log_probs = drawn(config, [sampling.name_words("t", "p", n) for n in range(9)])
  assert_allclose(log_probs, np.asarray(jax.nn.log_softmax(LOGITS))[tokens], rtol=1e-5)


@pytest.mark.parametrize(
  ("fields", "said"),
  [
    ({"temperature": -0.1}, r"temperature is -0\.1; it must be at least 0"),
    ({"temperature": float("nan")}, "temperature is nan"),
    ({"top_p": 0.0}, r"top_p is 0\.0; it must lie above 0"),
    ({"top_p": 1.5}, r"top_p is 1\.5; it must lie above 0"),
    ({"top_k": -1}, "top_k is -1; it must be at least 1, or 0"),
    ({"num_beams": 0}, "num_beams is 0; it must be at least 1"),
    ({"max_new_tokens": 0}, "max_new_tokens is 0; it must be at least 1"),
    ({"batch_size": 0}, "batch_size is 0; it must be at least 1"),
    ({"seed": -1}, "seed is -1; it must be at least 0"),
    ({"seed": 2**32}, "seed is 4294967296; it must"),
    ({"stop_strings": "\n"}, r"stop_strings is the text '\\n'; give a tuple"),
    ({"stop_strings": ("a", "")}, "a stop string is empty"),
    ({"stop_tokens": (-1,)}, r"stop_tokens are \(-1,\)"),
    ({"num_beams": 2}, "num_beams is 2 and temperature 1.0; beam search draws nothing"),
    (
      {"temperature": 0.0, "top_p": 0.9},
      r"temperature is 0.* so top_p \(0\.9\) and top_k \(0\)",
    ),
    (
      {"temperature": 0.0, "top_k": 9},
      r"temperature is 0.* and top_k \(9\) would change nothing",
    ),
    ({"length_penalty": 2.0}, r"length_penalty is 2\.0, which beam search alone reads"),
    ({"length_penalty": float("inf")}, "length_penalty is inf; it must be a finite number"),
  ],
  ids=str,
)
def test_settings_that_cannot_work_are_a_sentence(fields, said):
  with pytest.raises(InputError, match=said):
    SamplingConfig(**fields)
