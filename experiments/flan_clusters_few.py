"""The question of flan_clusters, of data sets whose small files are public."""

from experiments import flan
from experiments.experiment import Arm, Experiment, Finding

COUNTS = (1, 2, 3, 5, 7)


def arm(count: int) -> Arm:
  return Arm(
    flan.UNTUNED,
    f"tuned on the first {count} of summarization, reading comprehension, coreference, common"
    " sense, questions from memory, arithmetic and reasoning",
    tuned={"flan": f"gin_configs/flan/few_{count}.gin"},
  )


EXPERIMENT = Experiment(
  question="Does a model that is tuned on more kinds of task, told as instructions, do better on"
  " inference, which it never saw?  Of kinds of task whose small files are public.",
  source="FLAN (arXiv 2109.01652), number of clusters",
  paper_finding="At 137B, with other and larger clusters, accuracy over three that were held out"
  " rises with those that are tuned on: 49.9, 55.0, 59.3, 59.2, 60.8, 61.9 and 63.5 for one to"
  " seven.",
  paper_certainty=flan.READ,
  arms={f"clusters_{count}": arm(count) for count in COUNTS},
  metrics=flan.nli(),
  comparisons=(("clusters_7", "clusters_1"), ("clusters_3", "clusters_1")),
  findings=(
    Finding(
      "Seven clusters are better than one.",
      flan.READ, "nli/accuracy", "clusters_7", "clusters_1", "better", 0.02,
    ),
    Finding(
      "Three clusters are better than one.",
      flan.READ, "nli/accuracy", "clusters_3", "clusters_1", "better", 0.02,
    ),
    flan.likelier("after seven clusters than after one", "clusters_7", "clusters_1"),
    flan.likelier("after three clusters than after one", "clusters_3", "clusters_1"),
  ),
  method=(
    "One run that was trained on the embedded corpora is tuned on more and more clusters, for the"
    " same number of updates.  Those that the paper adds come first, in the order of its public"
    " code; the last two are of this project's own data sets.",
    "Data sets are files of the user's own (docs/flan.md); data.json of each run names those that"
    " were there.  A cluster of which nothing is there stops the experiment.",
    "Nothing of inference or paraphrase is tuned on.",
  ),
  caveats=(
    "The paper's gains are those of its largest models: at 8B and below it found that instruction"
    " tuning hurts on tasks that were not seen.",
    "Clusters, their sizes and what is measured are not the paper's: most have one data set or two,"
    " some of 32 examples where only that part of them is there.",
    "A mean over questions gives a large data set more weight; results.json has each data set and"
    " each template.",
  ),
  seeds=3,
)  # fmt: skip
