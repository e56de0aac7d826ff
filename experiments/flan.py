"""What FLAN's ablations share: the run that they tune, and what it is asked."""

from experiments.experiment import Metric, Run

READ = "the paper's own figures"
RECALLED = "recalled; its figures are not known to this project"
UNTUNED = Run("gin_configs/flan/untuned.gin", budget="flan")
OWN_DATA = (
  "Data sets are the user's own, from TFDS or from files (docs/flan.md); data.json of each run"
  " names those that were there."
)


def nli(of: str = "{FLAN}_nli_rank_present", *, run: str = "flan") -> Metric:
  """Accuracy on the cluster that is held out."""
  return Metric(
    of,
    "natural language inference, never seen: the likeliest of a question's options, in seven"
    " templates",
    value="accuracy",
    run=run,
    items="question",
  )
