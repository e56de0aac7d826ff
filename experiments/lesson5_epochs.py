"""Why does a model that reads its corpus several times get better?"""

from experiments.experiment import DIGEST, Arm, Experiment, Finding, Metric, Run

GUESS = f"one of three explanations that the authors could not tell apart; {DIGEST}"


def arm(objective: str, description: str, *, budget: str = "") -> Arm:
  return Arm(Run(f"gin_configs/ablations/lesson3_{objective}.gin", budget=budget), description)


EXPERIMENT = Experiment(
  question="A model reads a fifth of a corpus five times.  Does it gain by more updates, by spans"
  " that are taken out anew each time, or by a learning rate that stays high for longer?",
  source="CodeGen2.5 (lesson 5 of arXiv 2305.02309)",
  paper_finding="CodeGen2.5, trained for several epochs on StarCoderData, was far better than"
  " CodeGen2 of the same size.  The authors name three causes that they cannot tell apart: more"
  " tokens, span corruption as augmentation, and a longer time at a high rate.",
  paper_certainty=DIGEST,
  arms={
    "codegen2_once": arm("codegen2", "all text once, CodeGen2's mixture"),
    "codegen2_five": arm(
      "codegen2", "a fifth of the text, five times, CodeGen2's mixture", budget="five_epochs"
    ),
    "codegen2_five_unstretched": arm(
      "codegen2",
      "the same, with a rate that has fallen after the first time",
      budget="five_epochs_unstretched",
    ),
    "codegen2_fifth": arm(
      "codegen2", "a fifth of the text once, in a fifth of the updates", budget="fifth"
    ),
    "clm_once": arm("clm", "all text once, left to right"),
    "clm_five": arm("clm", "a fifth of the text, five times, left to right", budget="five_epochs"),
  },
  metrics={
    "code/bits_per_byte": Metric("{CODE}_clm", "held-out code, left to right"),
  },
  comparisons=(
    ("codegen2_five", "codegen2_fifth"),
    ("codegen2_five", "codegen2_five_unstretched"),
    ("codegen2_five", "codegen2_once"),
    ("clm_five", "clm_once"),
  ),
  findings=(
    Finding(
      "More updates: five times over a fifth of the text is better than once.",
      GUESS, "code/bits_per_byte", "codegen2_five", "codegen2_fifth", "better", 0.02,
    ),
    Finding(
      "A rate that stays high: five times is better with a schedule stretched over all five.",
      GUESS, "code/bits_per_byte", "codegen2_five", "codegen2_five_unstretched", "better", 0.02,
    ),
    Finding(
      "Augmentation: with spans taken out anew, text that comes five times is as good as new text.",
      GUESS, "code/bits_per_byte", "codegen2_five", "codegen2_once", "same", 0.02,
    ),
    Finding(
      "Without augmentation it is not: left to right, text that comes again is worse than new.",
      GUESS, "code/bits_per_byte", "clm_five", "clm_once", "worse", 0.02,
    ),
  ),
  method=(
    "The same fifth of the text is read by all arms that read a fifth; it is drawn by the seed, and"
    " comes in a new order with new noise each time (DISTINCT_BATCHES).",
    "All arms but codegen2_fifth take the same number of updates.",
  ),
  caveats=(
    "The fifth is what a fifth of the updates reads, so at the scale demo it is small; what five"
    " epochs cost a model that is far from having learned its text by heart says little about one"
    " that is near.",
    "CodeGen2.5 also changed the corpus and the network; neither is part of this experiment.",
  ),
  seeds=3,
  lengths="codegen2_fifth takes a fifth of the others' updates, which is what it is for",
)  # fmt: skip
