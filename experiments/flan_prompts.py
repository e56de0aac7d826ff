"""Does a model that was tuned on instructions learn a prompt better?"""

from experiments import flan
from experiments.experiment import Arm, Experiment, Finding, Run

TUNED = Run(
  "gin_configs/flan/without_reading_comprehension.gin", after=flan.UNTUNED, budget="flan_finetune"
)


def arm(description: str, before: Run) -> Arm:
  prompt = Run("gin_configs/flan/prompt_boolq.gin", after=before, budget="flan_prompt")
  return Arm(prompt, description)


EXPERIMENT = Experiment(
  question="Does a prompt that is learned for a task do better before weights that were tuned on"
  " instructions of other kinds of task than before those that they were tuned from?",
  source="FLAN (arXiv 2109.01652), prompt tuning",
  paper_finding="Prompts before FLAN's weights do better than before those it was tuned from, on"
  " every task that was tried and most of all with 32 examples.  By how much is not known to this"
  " project.",
  paper_certainty=flan.RECALLED,
  arms={
    "tuned": arm("ten tokens before weights that were tuned on instructions", TUNED),
    "untuned": arm("ten tokens before the weights that these were tuned from", flan.UNTUNED),
  },
  metrics=flan.measured(
    "boolq", "{FLAN}_boolq_rank_prompted", "BoolQ behind the learned prompt", run=""
  ),
  comparisons=(("tuned", "untuned"),),
  findings=(
    Finding(
      "A prompt does better before weights that were tuned on instructions.",
      flan.RECALLED, "boolq/accuracy", "tuned", "untuned", "better", 0.02,
    ),
    flan.likelier("before weights that were tuned on instructions", "tuned", "untuned", of="boolq"),
  ),
  method=(
    "Both prompts are ten embeddings, learned from the same examples for the same updates, and"
    " nothing else is changed.  The last step is measured: nothing is chosen by what is held out.",
    "The instructions that were tuned on have nothing of reading comprehension, with or without"
    " common sense.",
    flan.OWN_DATA,
  ),
  caveats=(
    "One task of SuperGLUE.  How many examples of it there are is the user's: all of its training"
    " split, or the 32 that some files have.",
    "Prompt tuning comes near to tuning all weights in large models alone (2104.08691).",
    "Nothing decays here; the paper's prompts had a weight decay of 1e-4 (recalled).",
  ),
  seeds=3,
  lengths="the tuned arm takes the instruction tuning's updates on top",
)  # fmt: skip
