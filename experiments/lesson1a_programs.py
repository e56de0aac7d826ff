"""Does a prefix that is read both ways write better programs, on a corpus of one kind?"""

from experiments.experiment import DIGEST, Arm, Experiment, Finding, Metric, Run

FUNCTIONS = "functions"

EXPERIMENT = Experiment(
  question="Trained on a corpus of one kind of program, does a PrefixLM write as many right"
  " programs as a causal decoder?",
  source="CodeGen2, lesson 1 (arXiv 2305.02309)",
  paper_finding="At 1B parameters, trained on BigPython, PrefixLM was competitive with the causal"
  " decoder; trained on The Stack it was worse by about 1.3 points of HumanEval pass@1.  The cells"
  " of the table are not known to this project.",
  paper_certainty=DIGEST,
  arms={
    "causal": Arm(
      Run("gin_configs/ablations/lesson1a_causal.gin", budget=FUNCTIONS),
      "causal attention; every token is scored",
    ),
    "prefix": Arm(
      Run("gin_configs/ablations/lesson1a_prefix.gin", budget=FUNCTIONS),
      "bidirectional attention inside a prefix of uniform length; the tokens after it are scored",
    ),
  },
  metrics={
    "programs/pass@1": Metric(
      "{PROGRAMS}", "programs written from a docstring", value="pass@1", items="problem"
    ),
    "functions/bits_per_byte": Metric(
      "{FUNCTIONS}_prefix_lm", "held-out programs, the continuation of a prompt that is at hand"
    ),
  },
  comparisons=(("prefix", "causal"),),
  findings=(
    Finding(
      "On a corpus of one kind (BigPython), PrefixLM is competitive with the causal decoder.",
      DIGEST, "programs/pass@1", "prefix", "causal", "same", 0.05,
    ),
  ),
  method=(
    "Both arms read the same rows in the same order with the same number of updates; they differ in"
    " the mask and in which tokens are scored.",
    "At the scale demo the corpus is generated functions and the benchmark MicroEval, whose"
    " functions are composed in ways that no training function is: a model of two million"
    " parameters answers part of it.",
    "A docstring is the prefix of the PrefixLM, which reads it both ways.",
  ),
  seeds=3,
  caveats=(
    "The PrefixLM is scored on about half of its tokens in the same number of updates; the paper"
    " matched neither that we know of.  The second table compares held-out bits after as many"
    " scored tokens.",
    "Generated functions are far more alike than BigPython's files.",
  ),
)  # fmt: skip
