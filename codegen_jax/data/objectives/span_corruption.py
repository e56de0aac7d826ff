"""Span corruption: spans are taken out of a document, and told after it."""

import dataclasses
import functools

from jaxtyping import Int
import numpy as np

from codegen_jax.data import special_tokens
from codegen_jax.data.objectives import sentinels
from codegen_jax.data.objectives.example import Example, Objective
from codegen_jax.data.objectives.sentinels import Vocabulary
from codegen_jax.data.objectives.spans import SpanPolicy, Spans, UniformSpans
from codegen_jax.errors import InputError


@dataclasses.dataclass(frozen=True)
class Form:
  """How the result is written.  The text always ends in <|endoftext|>, also where a row cut it.

  CODEGEN2   a <mask_1> d </s> <sep>   <mask_1> b c <eom>
  T5         a <mask_1> d </s>         <mask_1> b c </s>
  INCODER    a <mask_1> d </s>         <mask_1> b c <eom>
  """

  between: tuple[str, ...] = ()  # after the text
  after_span: tuple[str, ...] = ()
  at_end: tuple[str, ...] = ()


CODEGEN2 = Form((special_tokens.SEP,), (special_tokens.EOM,))  # as in its model card's prompt
T5 = Form(at_end=(special_tokens.END_OF_TEXT,))
INCODER = Form(after_span=(special_tokens.EOM,))


@dataclasses.dataclass(frozen=True)
class SpanCorruption(Objective):
  """Takes spans out, leaves <mask_1>, <mask_2>, ... in their places, and tells them at the end.

      document  a b c d e f </s>
      CODEGEN2  [a <mask_1> d e <mask_2> </s> <sep>] <mask_1> b c <eom> <mask_2> f <eom>

  Masks are numbered from 1 in every document, from left to right.  A PrefixLM reads what stands in
  [ ] both ways.  Inside `PerFile` every document of a row is corrupted by itself and told right
  after its own text: CodeGen2's file level.  Without, a row becomes one document.

  Args:
    vocabulary: of the documents; its <mask_k> and what `form` names mark the spans.
    spans: how many, how long and where.
    form: how they are told.
    score_text: whether the text in [ ] is scored too where it is read from left to right, as for
      CodeGen2, whose loss is said to be that of next tokens.  That it means all is inferred.
  """

  vocabulary: Vocabulary = dataclasses.field(repr=False)
  spans: SpanPolicy = UniformSpans()  # noqa: RUF009 (frozen)
  form: Form = CODEGEN2
  score_text: bool = True

  def __call__(self, example: Example, rng: np.random.Generator) -> Example:
    body = sentinels.body(example, self.vocabulary)
    n = len(body.tokens)
    if body.why_not or n < 2:
      return example.left(n, body.why_not or "it has one token alone")
    after_span, end = len(self.form.after_span), self._eos
    fixed = len(end) - len(body.end) + len(self.form.between) + len(self.form.at_end)
    most = min((example.room - fixed) // (2 + after_span), len(self._masks))
    if most < 1:
      return example.left(n, "its row has no room")
    spans = self.spans(n, rng, most=most)
    kept = keep(body.tokens, spans, self._masks)
    told = tell(body.tokens, spans, self._masks, self._after)
    tokens = np.concatenate((kept, end, self._between, told, self._at_end))
    text = len(kept) + len(end) + len(self._between)
    left = "" if spans.all else "it keeps some spans, for lack of room, masks or tokens between"
    loss_mask, prefix_mask = np.ones(len(tokens), bool), np.zeros(len(tokens), bool)
    prefix_mask[:text] = True
    loss_mask[:text] = self.score_text
    return Example(
      tokens,
      loss_mask,
      prefix_mask,
      np.full(len(tokens), example.segment_ids[0]),
      room=example.room - (len(tokens) - len(example.tokens)),
      changes=example.changed(n, spans.lengths, left),
    )

  @functools.cached_property
  def _masks(self) -> Int[np.ndarray, " masks"]:
    return self.vocabulary.mask_ids()

  @functools.cached_property
  def _eos(self) -> Int[np.ndarray, " 1"]:
    return self._ids((special_tokens.END_OF_TEXT,))

  @functools.cached_property
  def _between(self) -> Int[np.ndarray, " between"]:
    return self._ids(self.form.between)

  @functools.cached_property
  def _after(self) -> Int[np.ndarray, " after"]:
    return self._ids(self.form.after_span)

  @functools.cached_property
  def _at_end(self) -> Int[np.ndarray, " at_end"]:
    return self._ids(self.form.at_end)

  def _ids(self, names: tuple[str, ...]) -> np.ndarray:
    return np.array([self.vocabulary.special_id(name) for name in names], np.int32)

  def growth(self, num_tokens: int, documents: int = 1) -> int:
    fixed = 1 + len(self.form.between) + len(self.form.at_end)
    return self.spans.usual(num_tokens) * (2 + len(self.form.after_span)) + fixed

  def check(self, num_tokens: int, documents: int = 1) -> None:
    usual, masks = self.spans.usual(num_tokens), len(self._masks)
    _ = self._eos, self._between, self._after, self._at_end
    if usual > masks:
      raise InputError(
        f"{self.spans} takes about {usual} spans out of {num_tokens} tokens, and the vocabulary has"
        f" {masks} masks; choose longer spans, shorter rows, or a vocabulary with more"
      )


def keep(
  tokens: Int[np.ndarray, " n"], spans: Spans, masks: Int[np.ndarray, " masks"]
) -> Int[np.ndarray, " kept"]:
  """A b c d e f  ->  a <mask_1> d e <mask_2>"""
  starts, lengths, _ = spans
  gone = np.zeros(len(tokens), bool)
  gone[inside(starts, lengths)] = True
  gone[starts] = False
  replaced = tokens.copy()
  replaced[starts] = masks[: len(starts)]
  return replaced[~gone]


def tell(
  tokens: Int[np.ndarray, " n"],
  spans: Spans,
  masks: Int[np.ndarray, " masks"],
  after: Int[np.ndarray, " after"],
) -> Int[np.ndarray, " told"]:
  """A b c d e f  ->  <mask_1> b c <eom> <mask_2> f <eom>"""
  starts, lengths, _ = spans
  told_lengths = lengths + 1 + len(after)
  stops = told_lengths.cumsum()
  begins = stops - told_lengths
  # Each span with what stands beside it, as much as is then written over with its sentinels.
  places = np.arange(stops[-1]) + (starts - 1 - begins).repeat(told_lengths)
  told = tokens.take(places, mode="clip")
  told[begins] = masks[: len(starts)]
  for i, token in enumerate(after):
    told[stops - len(after) + i] = token
  return told


def inside(
  starts: Int[np.ndarray, " k"], lengths: Int[np.ndarray, " k"]
) -> Int[np.ndarray, " masked"]:
  """The places of all spans' tokens:   starts 2 8, lengths 3 1   ->   2 3 4 8"""
  before = lengths.cumsum() - lengths
  return np.arange(before[-1] + lengths[-1]) + (starts - before).repeat(lengths)
