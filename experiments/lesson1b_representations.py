"""Does a PrefixLM, tuned for a classification, represent text as well as an encoder?"""

from experiments.experiment import DIGEST, Arm, Experiment, Finding, Metric, Run


def arm(name: str, description: str, *, budget: str = "", answer: str = "answer") -> Arm:
  file = {"encoder": "bidirectional"}.get(name, name)
  return Arm(
    Run(f"gin_configs/ablations/lesson1b_{name}.gin", budget=budget),
    description,
    tuned={
      task: f"gin_configs/finetune/{task}_{file}.gin" for task in ("package", "boolq", "defect")
    },
    words={"ANSWER": answer},
  )


EXPERIMENT = Experiment(
  question="Does a PrefixLM, tuned for a classification, represent text better than a causal"
  " decoder, and as well as a smaller bidirectional encoder?",
  source="CodeGen2, lesson 1 (arXiv 2305.02309)",
  paper_finding="Tuned for BoolQ and for CodeXGLUE's defect detection, the PrefixLM did not beat"
  " smaller encoder-only models on some of the tasks, so one model did not serve both ends.  Which"
  " encoders, and the cells of the table, are not known to this project.",
  paper_certainty=DIGEST,
  arms={
    "causal": arm("causal", "causal attention; half of the rows from left to right, half infilled"),
    "prefix": arm("prefix", "the same after a prefix that is read both ways"),
    "encoder": arm(
      "encoder",
      "a smaller network that reads everything both ways and fills in masks",
      budget="encoder",
      answer="hidden_answer",
    ),
  },
  metrics={
    "package/accuracy": Metric(
      "package_{ANSWER}",
      "which of six packages a piece of documentation is from",
      value="accuracy",
      run="package",
      items="text",
      scales=("demo",),
    ),
    "boolq/accuracy": Metric(
      "{BOOLQ}_{ANSWER}",
      "BoolQ: what a passage answers, yes or no",
      value="accuracy",
      run="boolq",
      items="question",
      scales=("small", "paper"),
    ),
    "defect/accuracy": Metric(
      "{DEFECT}_{ANSWER}",
      "CodeXGLUE's defect detection: whether a C function is insecure",
      value="accuracy",
      run="defect",
      items="function",
      scales=("small", "paper"),
    ),
  },
  comparisons=(("prefix", "encoder"), ("prefix", "causal"), ("causal", "encoder")),
  findings=tuple(
    Finding(
      f"A PrefixLM does not beat a smaller encoder ({task}).",
      DIGEST,
      f"{task}/accuracy",
      "prefix",
      "encoder",
      "not better",
      0.01,
    )
    for task in ("package", "boolq", "defect")
  ),
  method=(
    "Every arm reads the same corpus for the same number of updates of as many tokens.  Its weights"
    " are then tuned for the task, with the same steps and rates for all, and the last step is"
    " measured: nothing is chosen by what is held out.",
    "A decoder is asked for the answer after the text, and the PrefixLM reads the text both ways;"
    " the encoder is asked for it in the place of a mask.  Of all labels the likeliest is taken.",
    "Pieces of held-out documents are held out.",
  ),
  caveats=(
    "The encoder has about half of the others' parameters.  At the scale paper it is"
    " 350M beside 1B, which is this project's choice.",
    "Six packages, and one machine's documentation: BoolQ and defect detection are there as tasks"
    " (docs/finetuning.md) for who has their files and models of a size to learn them.",
    "Learning rates of the paper's tuning are not known; these are ours, the same for all arms.",
  ),
)
