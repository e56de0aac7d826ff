"""How many ways of telling a task are needed?"""

from experiments import flan
from experiments.experiment import Arm, Experiment, Finding


def arm(file: str, description: str) -> Arm:
  return Arm(flan.UNTUNED, description, tuned={"flan": f"gin_configs/flan/{file}.gin"})


EXPERIMENT = Experiment(
  question="Does a model that reads each task in more templates do better on kinds of task that it"
  " never saw?",
  source="FLAN (arXiv 2109.01652), templates of each data set",
  paper_finding="The number of templates matters little, and less the more data sets there are."
  "  By how much is not known to this project.",
  paper_certainty=flan.RECALLED,
  arms={
    "templates_10": arm("instructions", "tuned in ten templates of each data set"),
    "templates_4": arm("templates_4", "tuned in four, none of them turned around"),
    "templates_1": arm("templates_1", "tuned in one"),
  },
  metrics=flan.nli(),
  comparisons=(("templates_10", "templates_1"), ("templates_4", "templates_1")),
  findings=(
    Finding(
      "Ten templates are as good as one.",
      flan.RECALLED, "nli/accuracy", "templates_10", "templates_1", "same", 0.02,
    ),
    flan.likelier("after ten templates than after one", "templates_10", "templates_1"),
  ),
  method=(
    "One run that was trained on the embedded corpora is tuned on the same examples, each in one of"
    " so many templates, for the same number of updates.",
    f"{flan.OWN_DATA}  Inference and paraphrase are left out of all.",
  ),
  caveats=(
    "Three of ten templates are turned around: they ask for something else than the answer, and are"
    " not among the first seven.",
    "One held-out cluster; the paper's largest model has more to gain from words than a small one.",
  ),
  seeds=3,
)  # fmt: skip
