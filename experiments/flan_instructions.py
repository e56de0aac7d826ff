"""Are instructions what helps on kinds of task never seen, or the examples alone?"""

from experiments import flan
from experiments.experiment import Arm, Experiment, Finding


def arm(name: str, description: str) -> Arm:
  return Arm(flan.UNTUNED, description, tuned={"flan": f"gin_configs/flan/{name}.gin"})


EXPERIMENT = Experiment(
  question="Do instructions help on kinds of task never seen, or would the same examples do without"
  " them, or with the name of their data set?",
  source="FLAN (arXiv 2109.01652), role of instructions",
  paper_finding="At 137B, over four held-out clusters: 55.2 tuned with instructions, 37.3 without a"
  " template; with the data set's name 46.6 asked by instructions and 47.0 asked by the name.",
  paper_certainty=flan.READ,
  arms={
    "instructions": arm("instructions", "tuned in ten templates of each data set"),
    "plain": arm("plain", "tuned on inputs and answers without a template"),
    "named": arm("named", "tuned with the data set's name in place of a template"),
  },
  metrics={
    **flan.nli(),
    **flan.measured(
      "nli_named", "{FLAN}_nli_rank_named_present", "the same, asked by the data set's name"
    ),
  },
  comparisons=(("instructions", "plain"), ("instructions", "named"), ("named", "plain")),
  findings=(
    Finding(
      "Instructions are better than no template.",
      flan.READ, "nli/accuracy", "instructions", "plain", "better", 0.02,
    ),
    Finding(
      "Instructions are better than the data set's name.",
      flan.READ, "nli/accuracy", "instructions", "named", "better", 0.02,
    ),
    flan.likelier("after instructions than without a template", "instructions", "plain"),
    flan.likelier("after instructions than after the data set's name", "instructions", "named"),
  ),
  method=(
    "One run that was trained on the embedded corpora is tuned on the same examples in"
    " other words, for the same number of updates.",
    f"{flan.OWN_DATA}  Inference and paraphrase are left out of all.",
  ),
  caveats=(
    "Options and the word before an answer are there in all arms, so that all know what may be"
    " said; the paper's examples without a template had neither.",
    "The paper's gains are those of its largest models.",
    "One held-out cluster of the paper's four.",
  ),
  seeds=3,
)  # fmt: skip
