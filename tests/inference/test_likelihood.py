"""Likelihoods are those of one direct pass over each row, in float64."""

import jax
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest
import scipy.special

from codegen_jax.errors import InputError
from codegen_jax.inference.language_model import LanguageModel
from codegen_jax.models.masks import AttentionMask
from codegen_jax.models.transformer import Transformer
from tests.inference.pieces import CONFIG, PARAMS, Pieces

rng = np.random.default_rng(0)
SIZES = ((3, 2), (1, 1), (14, 3), (2, 17), (30, 3), (15, 2))
PAIRS = [tuple(tuple(rng.integers(0, 24, n).tolist()) for n in sizes) for sizes in SIZES]


def language_model(attention, **options) -> LanguageModel:
  return LanguageModel(PARAMS, CONFIG, attention=attention, vocabulary=Pieces(), **options)


@pytest.mark.parametrize("attention", ["causal", "prefix"])
def test_nats_and_greedy_tokens_are_those_of_a_direct_pass(attention):
  lm = language_model(attention)
  apply = jax.jit(Transformer(CONFIG).apply)
  got = lm.log_likelihood(PAIRS, batch_size=4)
  greedy = []
  for (context, continuation), likelihood in zip(PAIRS, got, strict=True):
    row = np.zeros((1, 40), np.int32)
    n = len(context) + len(continuation)
    row[0, :n] = context + continuation
    positions = np.arange(40)[None]
    opened = positions < (len(context) if attention == "prefix" else 0)
    logits = apply(
      {"params": PARAMS}, row, mask=AttentionMask(np.int32(positions < n), positions, opened)
    )
    logits = np.asarray(logits, np.float64)[0, len(context) - 1 : n - 1]
    said = scipy.special.log_softmax(logits, axis=-1)[range(len(continuation)), continuation]
    assert_allclose(likelihood.nats, -said, rtol=1e-5, atol=1e-5)
    assert_array_equal(likelihood.is_greedy, logits.argmax(-1) == continuation)
    greedy += likelihood.is_greedy.tolist()
  assert {*greedy} == {True, False}


def test_no_batch_and_no_neighbour_changes_a_likelihood():
  lm = language_model("causal")
  wanted = lm.log_likelihood(PAIRS, batch_size=4)
  got = lm.log_likelihood(PAIRS[::-1], batch_size=2)[::-1]
  for one, other in zip(wanted, got, strict=True):
    assert_allclose(one.nats, other.nats, atol=1e-5)
  assert lm.log_likelihood([]) == []


@pytest.mark.parametrize(
  ("pair", "said"),
  [
    (((), (1,)), "pair 1 has an empty context; the first token of a text is not predicted"),
    (((1,), ()), "pair 1 has an empty continuation"),
    (((1,) * 9, (2,) * 2), r"pair 1 has 9 \+ 2 tokens and max_length is 10"),
  ],
)
def test_a_pair_without_a_likelihood_is_refused(pair, said):
  with pytest.raises(InputError, match=said):
    language_model("causal", max_length=10).log_likelihood([((1,), (2,)), pair])
