"""Do examples before a question help a model that was tuned on instructions?"""

from experiments import flan
from experiments.experiment import Arm, Experiment, Finding


def arm(description: str, shots: str) -> Arm:
  tuned = {"flan": "gin_configs/flan/few_shot.gin"}
  return Arm(flan.UNTUNED, description, tuned=tuned, words={"SHOTS": shots})


EXPERIMENT = Experiment(
  question="Does a model that was tuned on instructions do better on a kind of task that it never"
  " saw after four examples of it?",
  source="FLAN (arXiv 2109.01652), few-shot",
  paper_finding="Examples help on all kinds of task.  By how much is not known to this project.",
  paper_certainty=flan.RECALLED,
  arms={
    "zero_shot": arm("asked at once", ""),
    "four_shot": arm("the same weights, asked after four examples in the same words", "_4shot"),
  },
  metrics=flan.nli("{FLAN}_nli_rank{SHOTS}_present"),
  comparisons=(("four_shot", "zero_shot"),),
  findings=(
    Finding(
      "Four examples before a question help.",
      flan.RECALLED, "nli/accuracy", "four_shot", "zero_shot", "better", 0.02,
    ),
    flan.likelier("behind four examples", "four_shot", "zero_shot"),
  ),
  method=(
    "One run, tuned in ten templates of each data set with nothing of inference or paraphrase, is"
    " asked the same questions twice.",
    "Examples are of the training split, in the template that asks, and other ones for each"
    " question.",
    flan.OWN_DATA,
  ),
  caveats=(
    "Four examples, which are of the shorter ones so that they fit.",
    "Nothing was tuned on examples before a question.",
  ),
  seeds=3,
)  # fmt: skip
