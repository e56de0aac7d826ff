"""Does a model that was tuned on instructions learn a prompt better?"""

from experiments.experiment import Arm, Experiment, Finding, Metric, Run

RECALLED = "recalled; its figures are not known to this project"
UNTUNED = Run("gin_configs/flan/untuned.gin", budget="flan")
TUNED = Run(
  "gin_configs/flan/without_reading_comprehension.gin", after=UNTUNED, budget="flan_finetune"
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
  paper_certainty=RECALLED,
  arms={
    "tuned": arm("ten tokens before weights that were tuned on instructions", TUNED),
    "untuned": arm("ten tokens before the weights that these were tuned from", UNTUNED),
  },
  metrics={
    "boolq/accuracy": Metric(
      "{FLAN}_boolq_rank_prompted",
      "BoolQ behind the learned prompt: the likelier of yes and no",
      value="accuracy",
      items="question",
    )
  },
  comparisons=(("tuned", "untuned"),),
  findings=(
    Finding(
      "A prompt does better before weights that were tuned on instructions.",
      RECALLED, "boolq/accuracy", "tuned", "untuned", "better", 0.02,
    ),
  ),
  method=(
    "Both prompts are ten embeddings, learned from the same examples for the same updates, and"
    " nothing else is changed.  The last step is measured: nothing is chosen by what is held out.",
    "The instructions that were tuned on have nothing of reading comprehension, with or without"
    " common sense.",
    "Data sets are the user's own, from TFDS or from files (docs/flan.md); data.json of each run"
    " names those that were there.",
  ),
  caveats=(
    "One task of SuperGLUE.  How many examples of it there are is the user's: all of its training"
    " split, or the 32 that some files have.",
    "Prompt tuning comes near to tuning all weights in large models alone (2104.08691).",
    "Nothing decays here; the paper's prompts had a weight decay of 1e-4 (recalled).",
  ),
  lengths="the tuned arm takes the instruction tuning's updates on top",
)  # fmt: skip
