"""Are problems that a model solves those whose prompts surprise it less?"""

from experiments.experiment import Arm, Experiment, Finding, Metric, Run

SECONDARY = "read in a digest of the paper (a secondary source); its numbers are not known here"
RUN = Run("gin_configs/ablations/lesson1a_causal.gin", budget="functions")

EXPERIMENT = Experiment(
  question="Does a model understand better what it finds likelier: are prompts of the problems that"
  " it solves less surprising to it than those of the problems that it does not?",
  source="CodeGen (arXiv 2203.13474), section 3.3",
  paper_finding="On HumanEval the prompts of solved problems have a lower mean perplexity than"
  " those of unsolved ones, at every size.",
  paper_certainty=SECONDARY,
  arms={
    "solved": Arm(RUN, "problems of which a sample passed", words={"OUTCOME": "solved"}),
    "unsolved": Arm(RUN, "problems of which none did", words={"OUTCOME": "unsolved"}),
  },
  metrics={
    "prompts/prompt_perplexity": Metric(
      "{PROGRAMS}", "prompts of problems, perplexity in tokens",
      value="prompt_perplexity_{OUTCOME}", items="problem", paired=False,
    ),
  },
  comparisons=(("solved", "unsolved"),),
  findings=(
    Finding(
      "Prompts of problems that are solved are less surprising.",
      SECONDARY, "prompts/prompt_perplexity", "solved", "unsolved", "better", 0.01,
    ),
  ),
  method=(
    "Both arms are the same run.  A problem is solved where any of its samples passed; each seed"
    " has its own.",
    "The interval draws problems anew, each with what every seed made of it.",
  ),
  caveats=(
    "A longer program is harder whatever its prompt says, and a longer prompt has another"
    " perplexity for its length alone.",
  ),
  seeds=3,
)  # fmt: skip
