"""A report's pictures."""

import copy

from experiments import plots, report
from tests.experiments.fake_results import CURVES, PNG_HEAD, rows


def test_equal_results_draw_equal_bytes(results):
  content = report.strict(results)
  assert plots.results(content) == plots.results(copy.deepcopy(content))
  assert plots.loss_curves(CURVES) == plots.loss_curves(copy.deepcopy(CURVES))
  assert b"Software" not in plots.results(content)
  moved = CURVES | {"prefix": [rows(8.5, 3000)] * 2}
  assert plots.loss_curves(moved) != plots.loss_curves(CURVES)


def test_curve_of_an_arm_ends_where_its_shortest_seed_does():
  short, long = rows(8.0, 10, steps=(1, 2)), rows(6.0, 30, steps=(1, 2, 3))
  steps, tokens, losses = plots._aligned([short, [*long, {"step": 2, "eval/loss": 1.0}]])
  assert steps.tolist() == [1, 2]
  assert tokens.tolist() == [20, 40]
  assert losses.tolist() == [[8, 4], [6, 3]]
  assert plots.loss_curves({"causal": [short, long], "prefix": [[], long]}).startswith(PNG_HEAD)
  assert plots.loss_curves({}).startswith(PNG_HEAD)
