"""How large must a model be to gain from instructions on tasks that it never saw?"""

from experiments import flan
from experiments.experiment import Arm, Experiment, Finding, Run

READ = "the paper's own words; its figures of single sizes are not known to this project"


def pair(told: str, budget: str) -> dict[str, Arm]:
  before = Run("gin_configs/flan/untuned.gin", budget=budget)
  after = Run("gin_configs/flan/instructions.gin", after=before, budget=f"{budget}_finetune")
  name = budget.replace("flan", "").lstrip("_") or "larger"
  return {
    f"{name}_tuned": Arm(after, f"{told}, tuned in ten templates of each data set"),
    f"{name}_untuned": Arm(before, f"{told}, as it was before"),
  }


EXPERIMENT = Experiment(
  question="Does instruction tuning help models of these sizes on kinds of task that they never"
  " saw?",
  source="FLAN (arXiv 2109.01652), scaling laws",
  paper_finding="Of 422M, 2B, 8B, 68B and 137B, instruction tuning hurts those of 8B and below on"
  " tasks that they never saw.",
  paper_certainty=READ,
  arms=pair("the scale's network", "flan") | pair("a smaller network", "flan_smaller"),
  metrics=flan.nli(run=""),
  comparisons=(
    ("larger_tuned", "larger_untuned"),
    ("smaller_tuned", "smaller_untuned"),
    ("larger_tuned", "smaller_tuned"),
    ("larger_untuned", "smaller_untuned"),
  ),
  findings=tuple(
    Finding(
      f"Instruction tuning does not help a model below 8B on tasks that it never saw ({size}).",
      READ, "nli/accuracy", f"{size}_tuned", f"{size}_untuned", "not better", 0.02,
    )
    for size in ("larger", "smaller")
  ),
  method=(
    "Two networks are trained on the same text of the embedded corpora, and each is tuned on the"
    " same examples for the same number of updates.",
    f"{flan.OWN_DATA}  Inference and paraphrase are left out.",
  ),
  caveats=(
    "All of these sizes are among those that lost in the paper: where a gain begins cannot be shown"
    " here.",
    "A model that says the same to every question is right as often as that answer is; results.json"
    " has what was said of each.",
  ),
  seeds=3,
  lengths="tuned arms take the tuning's updates on top of those of the run before",
)  # fmt: skip
