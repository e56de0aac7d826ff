"""Do UL2's denoisers make a better PrefixLM for programs?"""

from experiments.experiment import DIGEST, Arm, Experiment, Finding, Metric, Run

FUNCTIONS = "functions"


def arm(file: str, description: str) -> Arm:
  return Arm(Run(f"gin_configs/ablations/{file}.gin", budget=FUNCTIONS), description)


EXPERIMENT = Experiment(
  question="Does a PrefixLM that learns by UL2's denoisers, or by denoisers that leave more tokens"
  " to score, write as many right programs as a causal decoder?",
  source="CodeGen2, lesson 1 (arXiv 2305.02309); denoisers of UL2 (arXiv 2205.05131)",
  paper_finding="With UL2's denoisers the PrefixLM was much worse than the causal decoder on"
  " HumanEval; with modified ones, which leave more tokens in the loss, it recovered.  The values"
  " and the modified denoisers' numbers are not known to this project.",
  paper_certainty=DIGEST,
  arms={
    "causal": arm("lesson1a_causal", "causal attention; every token is scored"),
    "ul2": arm("lesson1c_ul2", "PrefixLM, UL2's seven denoisers; about a third of the tokens"),
    "ul2_modified": arm(
      "lesson1c_ul2_modified", "PrefixLM, four denoisers of half or more of the text (our numbers)"
    ),
    "prefix": arm("lesson1a_prefix", "PrefixLM, a prefix of uniform length and what follows it"),
  },
  metrics={
    "programs/pass@1": Metric(
      "{PROGRAMS}", "programs written from a docstring", value="pass@1", items="problem"
    ),
    "functions/bits_per_byte": Metric(
      "{FUNCTIONS}_prefix_lm", "held-out programs, the continuation of a prompt that is at hand"
    ),
  },
  comparisons=(
    ("ul2", "causal"),
    ("ul2_modified", "ul2"),
    ("ul2_modified", "causal"),
    ("ul2", "prefix"),
  ),
  findings=(
    Finding(
      "With UL2's denoisers a PrefixLM is much worse than the causal decoder.",
      DIGEST, "programs/pass@1", "ul2", "causal", "worse", 0.05,
    ),
    Finding(
      "Denoisers that leave more tokens in the loss are better than UL2's.",
      DIGEST, "programs/pass@1", "ul2_modified", "ul2", "better", 0.02,
    ),
  ),
  method=(
    "All arms read the same rows in the same order with the same number of updates.",
    "No mode token is used: a prompt of the benchmark has none, and which one would have to be"
    " chosen.",
    "Held-out bits are those of a continuation after a prompt, the same tokens for all arms; the"
    " PrefixLMs read the prompt both ways.",
  ),
  caveats=(
    "The modified denoisers are this project's own: the paper's are not known to it.",
    "At equal updates the arms learn from different numbers of tokens, which is the paper's own"
    " explanation; the second table compares held-out bits after as many of them.",
    "Of UL2's denoisers only one, by a quarter of the text, is asked to go on after a prompt.",
  ),
)  # fmt: skip
