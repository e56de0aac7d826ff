"""Whether a paper's finding is reproduced here, by a rule that is the same for all of them.

Differences are turned so that more is better for the arm.  With an interval from `low` to `high`,
over items and seeds together, and the margin m that the experiment declared:

  claim       reproduced          not reproduced
  better      low > 0, high >= m  high < m: not so large, or of the other sign
  worse       the same with the sign turned
  same        -m < low, high < m  low > m or high < -m
  not better  high < m            low > 0, high >= m

Everything else is not decided: this scale, with these seeds, cannot tell.  Nor is an interval of no
width: where no item and no seed tells the arms apart, the models may be saying one thing to all.
"""

from collections.abc import Mapping
from typing import Any

from experiments import wording
from experiments.experiment import Finding

REPRODUCED, NOT_REPRODUCED = "reproduced", "not reproduced"
NOT_DECIDED, NOT_MEASURED = "not decided at this scale", "not measured at this scale"


def verdict(finding: Finding, comparison: Mapping[str, Any] | None, better: str) -> tuple[str, str]:
  """The verdict and why.

  Args:
    finding: what is claimed.
    comparison: of its metric and arms, as `collect` makes it; None where that is not measured.
    better: "lower" or "higher".
  """
  if comparison is None:
    return NOT_MEASURED, "the metric is not measured at this scale"
  if comparison["interval"] is None:
    return NOT_DECIDED, "one seed has no interval over seeds; train two or more"
  sign = (1 if better == "higher" else -1) * (-1 if finding.claim == "worse" else 1)
  low, high = sorted(sign * end for end in comparison["interval"])
  margin = finding.margin
  told = (
    f"{finding.arm} minus {finding.baseline}:"
    f" {wording.number(comparison['difference'], signed=True)},"
    f" {wording.percent(comparison)} over {wording.items(comparison)} and"
    f" {wording.seeds(comparison)} together {wording.span(comparison['interval'])};"
    f" what counts is {wording.number(margin)}"
  )
  if low == high:
    return NOT_DECIDED, f"{told}; no {comparison['items']} and no seed told the two apart"
  if finding.claim == "same":
    if -margin < low and high < margin:
      return REPRODUCED, told
    return (NOT_REPRODUCED if low > margin or high < -margin else NOT_DECIDED), told
  said = NOT_REPRODUCED if high < margin else REPRODUCED if low > 0 else NOT_DECIDED
  if finding.claim == "not better":
    said = {NOT_REPRODUCED: REPRODUCED, REPRODUCED: NOT_REPRODUCED}.get(said, said)
  return said, told
