"""The ways back: from what an objective made of a document to the document."""

from codegen_jax.data import special_tokens
from codegen_jax.data.objectives import CODEGEN2, INCODER, T5, Example, Form
from codegen_jax.data.objectives.sentinels import Vocabulary
from tests.data.objectives.words import WORDS


def undo_infill(tokens: list[int], vocabulary: Vocabulary = WORDS) -> list[list[int]]:
  """Prefix, middle, suffix, end.  Both orders say where each begins.

  <pre> p <suf> s <mid> m </s>     <pre> <suf> s <mid> p m </s>     ->     p m s </s>
  """
  names = special_tokens.FIM_PREFIX, special_tokens.FIM_SUFFIX, special_tokens.FIM_MIDDLE
  pre, suf, mid = (tokens.index(vocabulary.special_id(name)) for name in names)
  assert pre == 0 < suf < mid
  stop = len(tokens) - (tokens[-1] == vocabulary.special_id(special_tokens.END_OF_TEXT))
  return [tokens[1:suf], tokens[mid + 1 : stop], tokens[suf + 1 : mid], tokens[stop:]]


def undo_spans(tokens: list[int], form: Form, vocabulary=WORDS) -> tuple[list[int], list[int]]:
  """Puts the spans back, and counts their tokens.

  a <mask_1> d <mask_2> </s> <sep> <mask_1> b c <eom> <mask_2> e <eom>     ->     a b c d e </s>
  """
  eos = vocabulary.special_id(special_tokens.END_OF_TEXT)
  between, after, at_end = (
    [vocabulary.special_id(name) for name in names]
    for names in (form.between, form.after_span, form.at_end)
  )
  masks = vocabulary.mask_ids().tolist()
  told_at = tokens.index(masks[0], tokens.index(masks[0]) + 1)
  told_until = len(tokens) - len(at_end)
  text, told, end = tokens[:told_at], tokens[told_at:told_until], tokens[told_until:]
  assert end == at_end
  assert text[-1 - len(between) :] == [eos, *between]

  spans: list[list[int]] = []
  for token in told:
    if len(spans) < len(masks) and token == masks[len(spans)]:
      spans.append([])
    else:
      spans[-1].append(token)
  for span in spans:
    assert span[len(span) - len(after) :] == after
    del span[len(span) - len(after) :]
    assert span and not set(span) & set(masks)

  document: list[int] = []
  left = iter(zip(masks, spans, strict=False))
  for token in text[: len(text) - len(between)]:
    if token in masks:
      mask, span = next(left)  # numbered from 1, from left to right
      assert token == mask
      document += span
    else:
      document.append(token)
  assert not list(left)  # none is told that was not taken out
  return document, [len(span) for span in spans]


def restored(part: Example) -> list[int]:
  """The document that any recipe's objective made this of, without the token that ends it."""
  eos = WORDS.special_id(special_tokens.END_OF_TEXT)
  tokens = part.tokens.tolist()
  if part.answers is not None:
    tokens = part.answers.tolist()
  elif WORDS.names[tokens[0]].startswith("<dummy_"):
    tokens = tokens[1:]
  if WORDS.special_id(special_tokens.FIM_PREFIX) in tokens:
    prefix, middle, suffix, end = undo_infill(tokens)
    tokens = [*prefix, *middle, *suffix, *end]
  elif WORDS.special_id("<mask_1>") in tokens:
    tokens = undo_spans(tokens, form_of(tokens))[0]
  return tokens[:-1] if tokens[-1:] == [eos] else tokens


def form_of(tokens: list[int]) -> Form:
  if WORDS.special_id(special_tokens.SEP) in tokens:
    return CODEGEN2
  return INCODER if WORDS.special_id(special_tokens.EOM) in tokens else T5
