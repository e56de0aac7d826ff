"""FLOPs are those of the program."""

import math
from unittest import mock

import jax
from jax.extend import core
import numpy as np

from codegen_jax.models import masks
from codegen_jax.models.transformer import Transformer
from codegen_jax.training import flops
from tests.tiny import CONFIG, random_params


def multiplications(jaxpr: core.Jaxpr, times: int = 1) -> int:
  """Of all matrix products in a program, scans unrolled."""
  total = 0
  for equation in jaxpr.eqns:
    length = equation.params["length"] if equation.primitive.name == "scan" else 1
    for inner in equation.params.values():
      if isinstance(inner, core.ClosedJaxpr):
        total += multiplications(inner.jaxpr, times * length)
    if equation.primitive.name == "dot_general":
      (contracted, _), _ = equation.params["dimension_numbers"]
      lhs, out = equation.invars[0].aval.shape, equation.outvars[0].aval.shape
      total += times * math.prod(out) * math.prod(lhs[axis] for axis in contracted)
  return total


def test_flops_are_those_of_the_programs_matrix_products():
  rows, length = 3, 10
  tokens = np.ones((rows, length), np.int32)

  def forward(params):
    return Transformer(CONFIG).apply(
      {"params": params}, tokens, mask=masks.AttentionMask(tokens, tokens)
    )

  program = jax.make_jaxpr(forward)(random_params(np.random.default_rng(0)))
  forward_flops = 2 * multiplications(program.jaxpr)
  # A backward pass multiplies twice for each product: one gradient for either factor.
  assert flops.flops_per_token(CONFIG, length) == 3 * forward_flops / (rows * length)


def test_the_peak_of_an_unknown_device_is_unknown():
  known, unknown = (mock.Mock(spec=jax.Device, device_kind=k) for k in ("NVIDIA H200", "abacus"))
  assert flops.peak_flops([known, known]) == 2 * 989e12
  assert flops.peak_flops([known, unknown]) is None
  assert flops.peak_flops(jax.devices()) is None
