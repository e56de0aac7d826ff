"""What FLAN's ablations share: the run that they tune, and what it is asked."""

from experiments.experiment import Finding, Metric, Run

READ = "the paper's own figures"
RECALLED = "recalled; its figures are not known to this project"
UNTUNED = Run("gin_configs/flan/untuned.gin", budget="flan")
OURS = "this project's reading: the paper tells accuracies alone"
NEVER_SEEN = "natural language inference, never seen, in seven templates"
LIKELY = 0.05  # bits per byte of a right answer: the smallest difference that counts
OWN_DATA = (
  "Data sets are the user's own, from TFDS or from files (docs/flan.md); data.json of each run"
  " names those that were there."
)


def nli(of: str = "{FLAN}_nli_rank_present", *, run: str = "flan") -> dict[str, Metric]:
  """What is measured of the cluster that is held out."""
  return measured("nli", of, NEVER_SEEN, run=run)


def measured(name: str, of: str, told: str, *, run: str = "flan") -> dict[str, Metric]:
  """How often the right option is the likeliest, and how likely it is.

  A small network says the same to most questions, so that its accuracy stands still where what
  the right answer costs does not.
  """
  likeliest, cost = f"{told}: the likeliest option", f"{told}: bits of the right option"
  return {
    f"{name}/accuracy": Metric(of, likeliest, value="accuracy", run=run, items="question"),
    f"{name}/bits_per_byte": Metric(of, cost, run=run, items="question"),
  }


def likelier(than: str, arm: str, baseline: str, *, of: str = "nli") -> Finding:
  """What the paper says of accuracy, said of what right answers cost."""
  return Finding(
    f"Right answers are likelier {than}.",
    OURS, f"{of}/bits_per_byte", arm, baseline, "better", LIKELY,
  )  # fmt: skip
