"""Is one model of code and prose as good at each as a model of either?"""

from experiments.experiment import DIGEST, Arm, Experiment, Finding, Metric, Run


def arm(name: str, description: str) -> Arm:
  return Arm(Run(f"gin_configs/ablations/lesson4_{name}.gin"), description)


EXPERIMENT = Experiment(
  question="Is one model of code and prose, at the same compute, as good at each as a model of"
  " either?",
  source="CodeGen2, lesson 4 (arXiv 2305.02309)",
  paper_finding="Trained for as long on The Stack, on The Pile, or on both in equal shares, the"
  " model of both was slightly behind the model of the matching domain, and far ahead of the other,"
  " on LAMBADA, PIQA and HumanEval.  The values are in a figure without a table and not known to"
  " this project.",
  paper_certainty=DIGEST,
  arms={
    "both": arm("both", "half of the tokens are code, half prose"),
    "code": arm("code", "code alone"),
    "prose": arm("prose", "prose alone"),
  },
  metrics={
    "code/bits_per_byte": Metric("{CODE}_clm", "held-out code, left to right"),
    "prose/bits_per_byte": Metric("{PROSE}_clm", "held-out prose, left to right"),
    "infill/bits_per_byte": Metric(
      "{CODE}_span_corruption_infill", "held-out code, spans that were taken out of it"
    ),
  },
  comparisons=(("both", "code"), ("both", "prose"), ("code", "prose")),
  findings=(
    Finding(
      "On code, the model of both is behind the model of code.",
      DIGEST, "code/bits_per_byte", "both", "code", "worse", 0.01,
    ),
    Finding(
      "On code, the model of both is ahead of the model of prose.",
      DIGEST, "code/bits_per_byte", "both", "prose", "better", 0.1,
    ),
    Finding(
      "On prose, the model of both is behind the model of prose.",
      DIGEST, "prose/bits_per_byte", "both", "prose", "worse", 0.01,
    ),
    Finding(
      "On prose, the model of both is ahead of the model of code.",
      DIGEST, "prose/bits_per_byte", "both", "code", "better", 0.1,
    ),
  ),
  method=(
    "All arms take the same number of updates of as many tokens, by the mixture of CodeGen2 (half"
    " of the rows left to right, half with spans taken out); they differ in what they read.",
    "Bits per byte are the bits of the scored tokens divided by the UTF-8 bytes they stand for,"
    " over all held-out documents together.  Infilling scores the spans alone.",
  ),
  caveats=(
    "The tokenizer was trained on both corpora, so no arm has one of its own.",
    "Python's library and Python packages' documentation are nearer to each other than The Stack"
    " and The Pile: documentation holds code, and docstrings are prose.",
    "The paper's benchmarks are out of reach of a model of this size; bits per byte are not the"
    " same quantity.",
  ),
)  # fmt: skip
