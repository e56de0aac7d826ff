"""Positions as angles: ours, in another order of dimensions, are those of GPT-J and CodeGen."""

from hypothesis import given
from hypothesis import strategies as st
import jax
import jax.numpy as jnp
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from codegen_jax.models import rotary

BASE = 10_000.0


def heads(seed: int, *, length: int = 5, head_dim: int = 8) -> np.ndarray:
  return np.random.default_rng(seed).standard_normal((1, length, 2, head_dim)).astype(np.float32)


def turned(x: np.ndarray, *positions: int, rotary_dim: int) -> np.ndarray:
  """Heads in the published order, as ours turn them."""
  p = np.array([positions], np.int32)
  by = rotary.turns(p, rotary_dim=rotary_dim, head_dim=x.shape[-1], base=BASE)
  order = rotary.halves_of_pairs(x.shape[-1])
  return np.asarray(rotary.rotate(x[..., order], by))[..., np.argsort(order)]


def gpt_j(x: np.ndarray, positions: np.ndarray, rotary_dim: int) -> np.ndarray:
  """transformers' modeling_codegen.py, in numpy: sinusoids doubled, then rotate_every_two."""
  inverse = 1.0 / 10_000 ** (np.arange(0, rotary_dim, 2) / rotary_dim)
  sinusoid = np.repeat(np.einsum("bl,d->bld", positions, inverse), 2, axis=-1)[:, :, None]
  first, rest = x[..., :rotary_dim], x[..., rotary_dim:]
  every_two = np.stack([-first[..., 1::2], first[..., ::2]], axis=-1).reshape(first.shape)
  first = first * np.cos(sinusoid) + every_two * np.sin(sinusoid)
  return np.concatenate([first, rest], axis=-1)


def test_equals_the_formula_of_gpt_j_and_codegen():
  x, positions = heads(0), (0, 1, 7, 300, 2047)
  got = turned(x, *positions, rotary_dim=6)
  assert_allclose(got, gpt_j(x.astype(np.float64), np.array([positions]), 6), atol=1e-3)
  near = turned(x, *range(5), rotary_dim=6)
  assert_allclose(near, gpt_j(x.astype(np.float64), np.arange(5)[None], 6), atol=1e-6)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_scores_depend_on_the_distance_only(query_at, key_at, shift):
  q, k = heads(1, length=1), heads(2, length=1)

  def score(moved: int) -> np.ndarray:
    q_turned = turned(q, query_at + moved, rotary_dim=6)
    k_turned = turned(k, key_at + moved, rotary_dim=6)
    return np.einsum("BLNH,BLNH->N", q_turned, k_turned)

  assert_allclose(score(shift), score(0), atol=1e-4)


def test_scores_do_depend_on_the_distance():
  q, k = heads(1, length=1), heads(2, length=1)
  near, far = (turned(k, at, rotary_dim=6) for at in (3, 4))
  assert np.abs(np.einsum("BLNH,BLNH->N", q, near - far)).min() > 1e-2


def test_dimensions_beyond_rotary_dim_carry_no_position():
  x = heads(3)
  got = turned(x, 5, 6, 7, 8, 9, rotary_dim=4)
  assert_array_equal(got[..., 4:], x[..., 4:])
  assert (got[..., :4] != x[..., :4]).all()
  assert_array_equal(turned(x, 5, 6, 7, 8, 9, rotary_dim=0), x)


def test_position_zero_turns_nothing():
  x = heads(4)
  assert_array_equal(turned(x, *[0] * 5, rotary_dim=8), x)


def test_bfloat16_tells_position_256_from_257():
  x = heads(5, length=2)
  positions = np.array([[256, 257]], np.int32)
  by = rotary.turns(positions, rotary_dim=8, head_dim=8, base=BASE)
  order = rotary.halves_of_pairs(8)
  got = rotary.rotate(jnp.asarray(x[..., order], jnp.bfloat16), by)[..., np.argsort(order)]
  assert got.dtype == jnp.bfloat16
  assert_allclose(got.astype(np.float32), gpt_j(x, positions, 8), atol=0.03)


def test_what_turns_forward_turns_its_gradient_back():
  x, weights = heads(0), heads(1)
  by = rotary.turns(np.array([[0, 3, 1, 7, 300]]), rotary_dim=8, head_dim=8, base=BASE)
  gradient = jax.grad(lambda x: jnp.sum(weights * rotary.rotate(x, by)))(x)
  # Linear in x: its gradient is the same for all x, and gives its value.
  assert_allclose(jnp.sum(gradient * x), jnp.sum(weights * rotary.rotate(x, by)), rtol=1e-4)
  assert np.abs(gradient - weights).max() > 0.1
