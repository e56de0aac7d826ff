"""Does a prefix that is read both ways make a better program synthesiser?"""

from experiments.experiment import DIGEST, Arm, Experiment, Finding, Metric, Run

EXPERIMENT = Experiment(
  question="Does a prefix that is read both ways make a better program synthesiser than a causal"
  " decoder, on the same data and budget?",
  source="CodeGen2, lesson 1 (arXiv 2305.02309)",
  paper_finding="At 1B parameters PrefixLM was competitive with the causal decoder when both were"
  " trained on BigPython and worse on The Stack, by about 1.3 points of HumanEval pass@1; the"
  " authors kept the causal decoder.  The cells of the paper's table are not known to this"
  " project.",
  paper_certainty="read in a digest of the paper (a secondary source), the direction as well as the"
  " 1.3",
  arms={
    "causal": Arm(
      Run("gin_configs/ablations/lesson1_causal.gin"),
      "causal attention; every token is scored",
    ),
    "prefix": Arm(
      Run("gin_configs/ablations/lesson1_prefix.gin"),
      "bidirectional attention inside a prefix of uniform length; the tokens after it are scored",
    ),
  },
  metrics={
    "code/bits_per_byte": Metric(
      "{CODE}_prefix_lm", "held-out code, the continuation of a prompt that is at hand"
    ),
    "prose/bits_per_byte": Metric(
      "{PROSE}_prefix_lm", "held-out prose, the continuation of a prompt that is at hand"
    ),
    "code_no_prompt/bits_per_byte": Metric(
      "{CODE}_clm", "held-out code from its first token on, without a prompt"
    ),
    "prose_no_prompt/bits_per_byte": Metric(
      "{PROSE}_clm", "held-out prose from its first token on, without a prompt"
    ),
  },
  comparisons=(("prefix", "causal"),),
  findings=(
    Finding(
      "On a corpus of many kinds (The Stack) a PrefixLM is worse than a causal decoder.",
      DIGEST, "code/bits_per_byte", "prefix", "causal", "worse", 0.01,
    ),
  ),
  method=(
    "Both arms read the same rows in the same order with the same number of updates, from the same"
    " initial weights for each seed; they differ in the mask and in which tokens are scored.",
    "Each held-out document of a row is cut once, at a place drawn uniformly from a fixed seed,"
    " into a prompt and a continuation.  Both arms are scored from left to right on the tokens of"
    " the continuation, the very same ones, given the very same prompt.  Each reads the prompt the"
    " way it was trained to: the causal arm from left to right, the prefix arm both ways.  That is"
    " how either would be used to complete a program, so neither is measured outside its training.",
    "Without a prompt both arms run through the causal mask on every token.  The prefix arm was"
    " hardly ever trained with an empty prefix, so these two columns show what it costs to use it"
    " that way; the comparison to read is the one with a prompt.",
    "Bits per byte are the bits of the scored tokens, ends of documents included, divided by the"
    " UTF-8 bytes they stand for, over all held-out documents together.",
    "The interval over documents resamples held-out documents for these trained models (paired"
    " bootstrap); the interval over seeds is Student's t on the seeds' paired differences.",
  ),
  caveats=(
    "A model of this size cannot pass HumanEval, so the paper's pass@1 and our bits per byte are"
    " not the same quantity; only the direction can be compared.",
    "The prefix arm is scored on about half of its tokens and so learns from about half as many"
    " targets in the same number of updates.  The paper matched neither that we know of; the second"
    " curve shows the loss against scored tokens.",
    "The corpus is this machine's Python library and documentation, a few million tokens.",
    "The interval over documents takes files as independent; files of one package are not, so it is"
    " somewhat too narrow.",
    "What counts, 0.01 bits per byte, is that of the other lessons; it was declared here after the"
    " first runs had been seen.",
  ),
)  # fmt: skip
