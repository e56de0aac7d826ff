"""Does a model of programs gain from what was read before?"""

from experiments.experiment import Arm, Experiment, Finding, Metric, Run

RECALLED = "the order of CodeGen's tables, which this project knows from secondary sources"
NL = Run("gin_configs/ablations/codegen_nl.gin")
ALONE = Run("gin_configs/ablations/codegen_multi.gin")
MULTI = Run("gin_configs/ablations/codegen_multi.gin", after=NL)


def mono(after: Run | None = None) -> Run:
  return Run("gin_configs/ablations/codegen_mono.gin", after=after, budget="functions")


EXPERIMENT = Experiment(
  question="CodeGen reads prose, then code, then code of the kind that is asked for.  What does"
  " each earlier stage give the last one?",
  source="CodeGen (arXiv 2203.13474)",
  paper_finding="HumanEval pass@1 rises from NL to Multi to Mono at every size (16.1B: 14.2, 18.3,"
  " 29.3), each trained from the one before; the paper has no model of the last stage alone.",
  paper_certainty="14.2 and 18.3 recalled and read in a secondary source, 29.28 read in one",
  arms={
    "nl_multi_mono": Arm(mono(MULTI), "prose, then code, then programs"),
    "multi_mono": Arm(mono(ALONE), "code, then programs"),
    "mono": Arm(mono(), "programs alone"),
    "nl_multi": Arm(MULTI, "prose, then code"),
    "multi": Arm(ALONE, "code alone"),
    "nl": Arm(NL, "prose alone"),
  },
  metrics={
    "programs/pass@1": Metric(
      "{PROGRAMS}", "programs written from a docstring", value="pass@1", items="problem",
      arms=("nl_multi_mono", "multi_mono", "mono"),
    ),
    "functions/bits_per_byte": Metric(
      "{FUNCTIONS}_clm", "held-out programs, left to right",
      arms=("nl_multi_mono", "multi_mono", "mono"),
    ),
    "code/bits_per_byte": Metric(
      "{CODE}_clm", "held-out code, left to right", arms=("nl_multi", "multi", "nl")
    ),
  },
  comparisons=(
    ("nl_multi_mono", "mono"),
    ("multi_mono", "mono"),
    ("nl_multi_mono", "multi_mono"),
    ("nl_multi", "multi"),
    ("nl_multi", "nl"),
  ),
  findings=(
    Finding(
      "Code after prose is better at code than prose alone (NL to Multi).",
      RECALLED, "code/bits_per_byte", "nl_multi", "nl", "better", 0.05,
    ),
    Finding(
      "Programs after prose and code are better than programs alone (NL to Multi to Mono).",
      "implied by training each from the one before; not measured in the paper",
      "programs/pass@1", "nl_multi_mono", "mono", "better", 0.02,
    ),
  ),
  method=(
    "Each stage begins with the weights of the one before, with a schedule of its own, and takes"
    " the same updates in every arm that has it.",
    "All arms with the last stage take the same updates of it; those with earlier stages have read"
    " more.",
  ),
  caveats=(
    "An arm with more stages has had more updates: what is shown is what a stage adds, not which"
    " order is best for a fixed budget.",
  ),
  lengths="stages add up",
)  # fmt: skip
