"""Is infilling free?"""

from experiments.experiment import DIGEST, Arm, Experiment, Finding, Metric, Run

FIM = "read in the paper's full text"
FUNCTIONS = "single_functions"

EXPERIMENT = Experiment(
  question="What does a causal decoder lose from left to right when half of its files are asked for"
  " their middle, and what does it gain?",
  source="CodeGen2, lesson 2 (arXiv 2305.02309); Bavarian et al. (arXiv 2207.14255)",
  paper_finding="Learning to infill cost a 1B model about one point of HumanEval pass@1, against"
  " the earlier finding (Bavarian et al.) that infilling comes for free.  The cells of the table"
  " are not known to this project.",
  paper_certainty=DIGEST,
  arms={
    "clm": Arm(
      Run("gin_configs/ablations/lesson1a_causal.gin", budget=FUNCTIONS),
      "all files from left to right; holes are filled from what is before them",
    ),
    "clm_psm": Arm(
      Run("gin_configs/ablations/lesson2_psm.gin", budget=FUNCTIONS),
      "half of the files as prefix, suffix, middle",
    ),
  },
  metrics={
    "programs/pass@1": Metric(
      "{PROGRAMS}", "programs written from a docstring", value="pass@1", items="problem"
    ),
    "infilling/pass@1": Metric(
      "{INFILLING}", "programs with a line filled in", value="pass@1", items="problem"
    ),
    "functions/bits_per_byte": Metric("{FUNCTIONS}_clm", "held-out programs, left to right"),
    "infill/bits_per_byte": Metric(
      "{FUNCTIONS}_psm_infill", "held-out programs, middles between their prefix and suffix"
    ),
  },
  comparisons=(("clm_psm", "clm"),),
  findings=(
    Finding(
      "Infilling costs left-to-right programs: about a point of pass@1.",
      DIGEST, "programs/pass@1", "clm_psm", "clm", "worse", 0.01,
    ),
    Finding(
      "Infilling is free: left-to-right loss stays the same (Bavarian et al.).",
      FIM, "functions/bits_per_byte", "clm_psm", "clm", "same", 0.01,
    ),
    Finding(
      "A model that learns to infill fills holes better than one that goes on from what is before.",
      FIM, "infilling/pass@1", "clm_psm", "clm", "better", 0.05,
    ),
  ),
  method=(
    "Both arms read the same rows in the same order with the same number of updates, and score"
    " every token.",
    "A hole is one line of a function.  The model that learned to infill is given both sides, and"
    " its middle ends at its end token alone; the other is given what is before the hole, and its"
    " first line is taken.",
  ),
  seeds=3,
  caveats=(
    "At demo scale a document is one function, so that a middle is a part of one.",
    "The model that goes on from left to right never met the sentinels, so its bits of middles"
    " between sentinels (infill/bits_per_byte) say little.",
    "At this scale the free infilling of Bavarian et al., who trained on 100B tokens, need not"
    " hold: an undertrained model pays for every task that it learns.",
  ),
)  # fmt: skip
