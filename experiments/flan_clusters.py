"""Does a model tuned on more kinds of task do better on kinds that it never saw?"""

from experiments import flan
from experiments.experiment import Arm, Experiment, Finding

COUNTS = (1, 2, 3, 5, 7)
CLUSTERS = {
  "nli": "natural language inference",
  "commonsense": "common sense",
  "closed_book_qa": "questions answered from memory",
}


def arm(count: int) -> Arm:
  return Arm(
    flan.UNTUNED,
    f"tuned on the first {count} of summarization, translation, reading comprehension, sentiment,"
    " structure to text, coreference and conversations",
    tuned={"flan": f"gin_configs/flan/clusters_{count}.gin"},
  )


EXPERIMENT = Experiment(
  question="Does a model that is tuned on more kinds of task, told as instructions, do better on"
  " kinds of task that it never saw?",
  source="FLAN (arXiv 2109.01652), number of clusters",
  paper_finding="At 137B, held-out accuracy rises with the clusters that are tuned on: 49.9, 55.0,"
  " 59.3, 59.2, 60.8, 61.9 and 63.5 for one to seven.",
  paper_certainty=flan.READ,
  arms={f"clusters_{count}": arm(count) for count in COUNTS},
  metrics={
    metric: one
    for name, told in CLUSTERS.items()
    for metric, one in flan.measured(
      name, f"{{FLAN}}_{name}_rank_present", f"{told}, never seen, in seven templates"
    ).items()
  },
  comparisons=(("clusters_7", "clusters_1"), ("clusters_3", "clusters_1")),
  findings=(
    Finding(
      "Seven clusters are better than one.",
      flan.READ, "nli/accuracy", "clusters_7", "clusters_1", "better", 0.02,
    ),
    flan.likelier("after seven clusters than after one", "clusters_7", "clusters_1"),
  ),
  method=(
    "One run that was trained on the embedded corpora is tuned on more and more clusters, in the"
    " order of the public code, for the same number of updates.",
    f"{flan.OWN_DATA}  A run of which a cluster is missing stops.",
    "No data set of a measured cluster is tuned on, nor one of a cluster that lies near to it.",
  ),
  caveats=(
    "The paper's gains are those of its largest models: at 8B and below it found that instruction"
    " tuning hurts on tasks that were not seen.",
    "A mean over questions gives a large data set more weight; results.json has each data set and"
    " each template.",
    "Templates are this project's own, and the measured examples of a data set are 2,000 at most.",
  ),
  seeds=3,
)  # fmt: skip
