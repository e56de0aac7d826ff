"""The objectives of the lessons by name: every corpus is registered with all of them.

clm                     CodeGen; every lesson's baseline
prefix_lm               lesson 1
ul2, ul2_modified       lesson 1, with UL2's denoisers and with those that leave more to score
codegen2_prefix_lm      lesson 1, half of the rows after a prefix, spans out of the others
mlm                     lesson 1, for the bidirectional encoder
psm, clm_psm            lesson 2: infilling alone, and half and half with left to right
span_corruption         lesson 3: CodeGen2's infilling alone, and ...
codegen2                ... its published mixture, a coin for each row between it and left to right
psm_infill, span_corruption_infill
                        of the same rows only what is filled in is scored: to measure it by itself
*_epochs_5              lesson 5: the same, ending after five passes over the corpus

codegen2_task_tokens    lesson 3: with a token that says what is asked; and by itself, to measure
                        it: clm_task_token, span_corruption_infill_task_token; on rows that are cut
                        alike, without it: *_beside_task_token

What else the papers compare: spm, joint, psm_token (cuts between tokens), psm_document (before
documents are cut into rows), span_corruption_fixed (15 %), span_corruption_row (across files),
codegen2_fixed and codegen2_row (with these for half of the rows), codegen2_document (a coin for
each document), ul2_without_modes, ul2_modified_without_modes, t5, incoder.
"""

from codegen_jax.data import objectives
from codegen_jax.data.objectives import (
  CausalLM,
  Choose,
  FixedMeanSpans,
  MaskedLM,
  Objective,
  PerFile,
  PoissonSpans,
  PrefixLM,
  PrefixSuffixMiddle,
  ScoreInfill,
  SpanCorruption,
  UniformSpans,
  ul2,
)
from codegen_jax.data.objectives.sentinels import Vocabulary
from codegen_jax.data.objectives.ul2 import MODES, MODIFIED, Begin, Beside


def recipes(vocabulary: Vocabulary) -> dict[str, Objective]:
  """Each objective as it is used on rows of several documents."""
  clm, half = CausalLM(), (0.5, 0.5)
  codegen2 = PerFile(SpanCorruption(vocabulary))
  psm = PrefixSuffixMiddle(vocabulary)
  fixed = UniformSpans(ratio=(0.15, 0.15))
  told_clm = PerFile(Begin(vocabulary, MODES["S"], clm))

  def told_spans(spans: Objective) -> Objective:
    return PerFile(Begin(vocabulary, MODES["X"], spans))

  return {
    "clm": clm,
    "prefix_lm": PerFile(PrefixLM()),
    "ul2": ul2(vocabulary),
    "ul2_modified": ul2(vocabulary, MODIFIED),
    "ul2_without_modes": ul2(vocabulary, mode_tokens=False),
    "ul2_modified_without_modes": ul2(vocabulary, MODIFIED, mode_tokens=False),
    "mlm": PerFile(MaskedLM(vocabulary)),
    "psm": PerFile(psm),
    "spm": PerFile(PrefixSuffixMiddle(vocabulary, "spm")),
    "joint": PerFile(PrefixSuffixMiddle(vocabulary, "joint")),
    "psm_token": PerFile(PrefixSuffixMiddle(vocabulary, cuts="token")),
    "clm_psm": PerFile(PrefixSuffixMiddle(vocabulary, rate=0.5)),
    "span_corruption": codegen2,
    "span_corruption_fixed": PerFile(SpanCorruption(vocabulary, fixed)),
    "span_corruption_row": SpanCorruption(vocabulary),
    "codegen2": Choose((clm, codegen2), half),
    "codegen2_prefix_lm": Choose((PerFile(PrefixLM()), codegen2), half),
    "codegen2_row": Choose((clm, SpanCorruption(vocabulary)), half),
    "codegen2_fixed": Choose((clm, PerFile(SpanCorruption(vocabulary, fixed))), half),
    "codegen2_document": PerFile(Choose((clm, SpanCorruption(vocabulary)), half)),
    "codegen2_task_tokens": Choose((told_clm, told_spans(SpanCorruption(vocabulary))), half),
    "clm_task_token": PerFile(Begin(vocabulary, MODES["S"], clm, first=False)),
    "span_corruption_infill_task_token": told_spans(ScoreInfill(SpanCorruption(vocabulary))),
    "clm_beside_task_token": PerFile(Beside(clm)),
    "span_corruption_infill_beside_task_token": PerFile(
      Beside(ScoreInfill(SpanCorruption(vocabulary)))
    ),
    "psm_infill": PerFile(ScoreInfill(psm)),
    "span_corruption_infill": PerFile(ScoreInfill(SpanCorruption(vocabulary))),
    "t5": PerFile(SpanCorruption(vocabulary, FixedMeanSpans(), objectives.T5, score_text=False)),
    "incoder": PerFile(SpanCorruption(vocabulary, PoissonSpans(), objectives.INCODER)),
  }


# Drawn alike, so that the same spans are scored.
SAME_NOISE = {"span_corruption_infill_beside_task_token": "span_corruption_infill_task_token"}

# Objectives that are handed whole documents, not what a row holds of them.
DOCUMENT_LEVEL = {"psm_document": lambda vocabulary: PrefixSuffixMiddle(vocabulary)}
