"""What a model is asked to learn from a document: each objective maps an example to an example.

CausalLM            a b c d e   ->   a b c d e
PrefixLM            a b c d e   ->  [a b] c d e
PrefixSuffixMiddle  a b c d e   ->  [<pre> a <suf> d e <mid>] b c
SpanCorruption      a b c d e   ->  [a <mask_1> d <mask_2> </s> <sep>] <mask_1> b c <eom> <mask_2> e <eom>
MaskedLM            a b c d e   ->   a <mask_1> c d <mask_1>, which stand for  . b . . e
ul2                 one of seven denoisers, with a token that says which

[ ] may be read both ways by a PrefixLM.  Three objectives are made of others: Choose tosses a
coin, PerFile keeps an objective inside each document of a row, and ScoreInfill scores what stands
behind [ ] alone.
"""  # fmt: skip  # noqa: E501

from codegen_jax.data.objectives.combine import Choose, PerFile, ScoreInfill
from codegen_jax.data.objectives.example import Change, Example, Objective
from codegen_jax.data.objectives.infill import PrefixSuffixMiddle
from codegen_jax.data.objectives.language_models import CausalLM, PrefixLM
from codegen_jax.data.objectives.masked_lm import MaskedLM
from codegen_jax.data.objectives.span_corruption import CODEGEN2, INCODER, T5, Form, SpanCorruption
from codegen_jax.data.objectives.spans import FixedMeanSpans, PoissonSpans, UniformSpans
from codegen_jax.data.objectives.ul2 import Denoiser, ul2

__all__ = [
  "CODEGEN2",
  "INCODER",
  "T5",
  "CausalLM",
  "Change",
  "Choose",
  "Denoiser",
  "Example",
  "FixedMeanSpans",
  "Form",
  "MaskedLM",
  "Objective",
  "PerFile",
  "PoissonSpans",
  "PrefixLM",
  "PrefixSuffixMiddle",
  "ScoreInfill",
  "SpanCorruption",
  "UniformSpans",
  "ul2",
]
