"""What does CodeGen2's mixture owe to its parts?"""

from experiments.experiment import DIGEST, Arm, Experiment, Finding, Metric, Run

READING = (
  "the recipe is published, a table of its parts is not known to this project; the sign is what the"
  " choice of the recipe implies"
)


def arm(name: str, description: str, *, token: str = "_beside_task_token") -> Arm:
  return Arm(Run(f"gin_configs/ablations/lesson3_{name}.gin"), description, words={"TOKEN": token})


EXPERIMENT = Experiment(
  question="CodeGen2 reads half of its rows from left to right, and takes spans out of each file of"
  " the others, as many as a coin says, without a token that tells which.  What does it owe to each"
  " of these?",
  source="CodeGen2, lesson 3 (arXiv 2305.02309)",
  paper_finding="The final recipe is a causal decoder that learns from this mixture, called simple"
  " and sufficient: it completes and infills.  The paper's recipe is known to this project, and no"
  " table that takes it apart.",
  paper_certainty=DIGEST,
  arms={
    "codegen2": arm("codegen2", "the mixture"),
    "clm": arm("clm", "all rows left to right"),
    "span_corruption": arm("span_corruption", "all rows with spans taken out of each file"),
    "row": arm("row", "the mixture, spans taken out of rows and not of files"),
    "fixed": arm("fixed", "the mixture, always 15 % taken out"),
    "task_tokens": arm(
      "task_tokens", "the mixture, a token before each file that tells which", token="_task_token"
    ),
  },
  metrics={
    "code/bits_per_byte": Metric("{CODE}_clm{TOKEN}", "held-out code, left to right"),
    "infill/bits_per_byte": Metric(
      "{CODE}_span_corruption_infill{TOKEN}", "held-out code, spans that were taken out of it"
    ),
  },
  comparisons=(
    ("codegen2", "clm"),
    ("codegen2", "span_corruption"),
    ("codegen2", "row"),
    ("codegen2", "fixed"),
    ("codegen2", "task_tokens"),
  ),
  findings=(
    Finding(
      "The half from left to right is needed: the mixture completes better than spans alone.",
      READING, "code/bits_per_byte", "codegen2", "span_corruption", "better", 0.01,
    ),
    Finding(
      "Infilling is learned: the mixture infills better than left-to-right training alone.",
      READING, "infill/bits_per_byte", "codegen2", "clm", "better", 0.1,
    ),
    Finding(
      "Infilling is not free: the mixture completes worse than left-to-right training alone.",
      DIGEST, "code/bits_per_byte", "codegen2", "clm", "worse", 0.01,
    ),
    Finding(
      "Spans of each file infill better than spans of whole rows.",
      READING, "infill/bits_per_byte", "codegen2", "row", "better", 0.01,
    ),
    Finding(
      "Ratios drawn anew infill better than always 15 %.",
      READING, "infill/bits_per_byte", "codegen2", "fixed", "better", 0.01,
    ),
    Finding(
      "No token needs to tell the task: with one, completion is as good.",
      READING, "code/bits_per_byte", "codegen2", "task_tokens", "same", 0.02,
    ),
    Finding(
      "No token needs to tell the task: with one, infilling is as good.",
      READING, "infill/bits_per_byte", "codegen2", "task_tokens", "same", 0.02,
    ),
  ),
  method=(
    "All arms read the same corpus with the same number of updates of as many tokens.",
    "Infilling is measured on held-out files with spans taken out of each at ratios drawn anew, and"
    " the spans alone are scored.  The arm with task tokens is measured after its own tokens, the"
    " others on rows that are cut as if they had these.",
  ),
  caveats=(
    "Infilling is measured in the form that the mixture learns; rows and fixed ratios meet it as a"
    " change of form.",
    "Left-to-right training alone never met a sentinel, so its bits of infilling say little beyond"
    " that.",
  ),
  seeds=3,
)  # fmt: skip
